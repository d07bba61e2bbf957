package docker

import (
	"context"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/registry"

	"box/netapi/client"
	"box/personalities/cmd"
)

func searchListing() *listing {
	return &listing{standard: []column{{"Name", "NAME"}, {"Description", "DESCRIPTION"}, {"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"}}}
}

// search is `docker search`.
type search struct {
	Filter  filters `short:"f" placeholder:"filter" help:"Only those that match: is-official=..., stars=..."`
	Format  string  `help:"${format}"`
	Limit   int     `help:"Most results"`
	NoTrunc bool    `help:"Whole descriptions"`
}

func (c *search) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	found, err := api.ImageSearch(ctx, p.Args[0], c.Limit, client.Filters(c.Filter), s.auth("docker.io"))
	if err != nil {
		return err
	}
	var rows []row
	for _, r := range found {
		rows = append(rows, searchRow(r, c.NoTrunc))
	}
	return searchListing().print(s, s.out, c.Format, rows)
}

func searchRow(r registry.SearchResult, whole bool) row {
	text, official := strings.NewReplacer("\n", " ", "\r", " ").Replace(r.Description), ""
	if !whole {
		text = ellipsis(text, 45)
	}
	if r.IsOfficial {
		official = "[OK]"
	}
	return row{fields: map[string]any{"Name": r.Name, "Description": text, "StarCount": strconv.Itoa(r.StarCount), "IsOfficial": official}}
}
