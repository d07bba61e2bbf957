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

func searchCommand(u *cmd.Usage) action {
	var f filters
	format, limit, whole := "", 0, false
	u.Flags = []cmd.Flag{
		{Value: &f, Name: "filter", Short: "f", Kind: "filter", Help: "Only those that match: is-official=..., stars=..."},
		{Value: &format, Name: "format", Help: formatHelp},
		{Value: &limit, Name: "limit", Help: "Most results"},
		{Value: &whole, Name: "no-trunc", Help: "Whole descriptions"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		found, err := api.ImageSearch(ctx, p.Args[0], limit, client.Filters(f), s.auth("docker.io"))
		if err != nil {
			return err
		}
		var rows []row
		for _, r := range found {
			rows = append(rows, searchRow(r, whole))
		}
		return searchListing().print(s, s.out, format, rows)
	}
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
