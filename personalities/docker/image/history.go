package image

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/image"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

func historyListing(human bool) *table.Listing {
	created := "CREATED"
	if !human {
		created = "CREATED AT"
	}
	return &table.Listing{
		Key: "ID",
		Standard: []table.Column{{"ID", "IMAGE"}, {"CreatedSince", created}, {"CreatedBy", "CREATED BY"},
			{"Size", "SIZE"}, {"Comment", "COMMENT"}},
		Others: []table.Column{{"CreatedAt", "CREATED AT"}},
	}
}

// History is `docker image history`.
type History struct {
	Format   string `help:"${format}"`
	Human    bool   `short:"H" default:"true" help:"Print sizes and times in readable form"`
	NoTrunc  bool   `help:"Do not shorten IDs and commands"`
	Platform string `help:"Platform, if the image has several"`
	Quiet    bool   `short:"q" help:"Print IDs only"`
}

// Run implements session.Runner.
func (c *History) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	wanted := ""
	if c.Platform != "" {
		all, err := platformsJSON([]string{c.Platform})
		if err != nil {
			return err
		}
		wanted = all[0]
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	list, err := api.ImageHistory(ctx, p.Args[0], wanted)
	if err != nil {
		return err
	}
	l := historyListing(c.Human)
	if c.Quiet {
		c.Format = l.Quiet(c.Format)
	}
	var rows []*historyRow
	for i := range list {
		rows = append(rows, &historyRow{&list[i], c.Human, c.NoTrunc})
	}
	return table.Print(s, s.Out, l, c.Format, rows)
}

// historyRow is a step of an image's history; --format may call its methods.
type historyRow struct {
	h            *image.HistoryResponseItem
	human, whole bool
}

// ID returns the ID of the image after this step, or "<missing>".
func (r *historyRow) ID() string { return table.CutID(r.h.ID, r.whole) }

// CreatedAt returns the date of the step.
func (r *historyRow) CreatedAt() string { return time.Unix(r.h.Created, 0).Format(time.RFC3339) }

// CreatedSince returns how long ago the step was made.
func (r *historyRow) CreatedSince() string {
	switch {
	case !r.human:
		return r.CreatedAt()
	case r.h.Created <= 0:
		return "N/A"
	}
	return table.Ago(r.h.Created)
}

// CreatedBy returns the instruction of the step.
func (r *historyRow) CreatedBy() string {
	by := strings.ReplaceAll(r.h.CreatedBy, "\t", " ")
	if r.whole {
		return by
	}
	return table.Ellipsis(by, 45)
}

// Size returns how much the step added.
func (r *historyRow) Size() string {
	if r.human {
		return table.SizeText(r.h.Size)
	}
	return strconv.FormatInt(r.h.Size, 10)
}

// Comment returns the comment of the step.
func (r *historyRow) Comment() string { return r.h.Comment }
