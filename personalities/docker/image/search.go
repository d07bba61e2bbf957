package image

import (
	"context"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/registry"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

func searchListing() *table.Listing {
	return &table.Listing{Standard: []table.Column{{"Name", "NAME"}, {"Description", "DESCRIPTION"},
		{"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"}}}
}

// Search has the flags of `docker search`.
type Search struct {
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Only those that match: is-official=..., stars=..."`
	Format  string         `help:"${format}"`
	Limit   int            `help:"Most results"`
	NoTrunc bool           `help:"Whole descriptions"`
}

// Run is `docker search`.
func (c *Search) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	found, err := api.ImageSearch(ctx, p.Args[0], c.Limit, client.Filters(c.Filter), s.Auth("docker.io"))
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, r := range found {
		rows = append(rows, searchRow(r, c.NoTrunc))
	}
	return searchListing().Print(s, s.Out, c.Format, rows)
}

func searchRow(r registry.SearchResult, whole bool) table.Row {
	text, official := strings.NewReplacer("\n", " ", "\r", " ").Replace(r.Description), ""
	if !whole {
		text = table.Ellipsis(text, 45)
	}
	if r.IsOfficial {
		official = "[OK]"
	}
	return table.Row{Fields: map[string]any{"Name": r.Name, "Description": text, "StarCount": strconv.Itoa(r.StarCount),
		"IsOfficial": official}}
}
