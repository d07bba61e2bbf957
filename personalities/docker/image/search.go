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

// Search is `docker search`.
type Search struct {
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Filter: is-official=..., stars=..."`
	Format  string         `help:"${format}"`
	Limit   int            `help:"Maximum number of results"`
	NoTrunc bool           `help:"Do not shorten descriptions"`
}

// Run implements session.Runner.
func (c *Search) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	found, err := api.ImageSearch(ctx, p.Args[0], c.Limit, client.Filters(c.Filter), s.Auth("docker.io"))
	if err != nil {
		return err
	}
	var rows []*searchRow
	for _, r := range found {
		rows = append(rows, &searchRow{r: r, whole: c.NoTrunc})
	}
	return table.Print(s, s.Out, searchListing(), c.Format, rows)
}

// searchRow is a search result; --format may call its methods.
type searchRow struct {
	r      registry.SearchResult
	whole  bool
	inJSON bool
}

// ForJSON makes IsOfficial return true or false instead of a mark.
func (r *searchRow) ForJSON(on bool) { r.inJSON = on }

// Name returns the name of the repository.
func (r *searchRow) Name() string { return r.r.Name }

// Description returns the description on one line.
func (r *searchRow) Description() string {
	text := strings.NewReplacer("\n", " ", "\r", " ").Replace(r.r.Description)
	if r.whole {
		return text
	}
	return table.Ellipsis(text, 45)
}

// StarCount returns how many users starred the repository.
func (r *searchRow) StarCount() string { return strconv.Itoa(r.r.StarCount) }

// IsOfficial marks official images.
func (r *searchRow) IsOfficial() string {
	if r.inJSON {
		return strconv.FormatBool(r.r.IsOfficial)
	}
	if r.r.IsOfficial {
		return "[OK]"
	}
	return ""
}
