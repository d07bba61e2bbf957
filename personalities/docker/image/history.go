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
		Standard: []table.Column{{"ID", "IMAGE"}, {"CreatedSince", created}, {"CreatedBy", "CREATED BY"},
			{"Size", "SIZE"}, {"Comment", "COMMENT"}},
		Others: []table.Column{{"CreatedAt", "CREATED AT"}},
	}
}

// History has the flags of `docker image history`.
type History struct {
	Format   string `help:"${format}"`
	Human    bool   `short:"H" default:"true" help:"Sizes and times in words"`
	NoTrunc  bool   `help:"Whole IDs and commands"`
	Platform string `help:"Platform, when the image has several"`
	Quiet    bool   `short:"q" help:"IDs only"`
}

// Run is `docker image history`.
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
	if c.Quiet && c.Format == "" {
		c.Format = "{{.ID}}"
	}
	var rows []table.Row
	for i := range list {
		rows = append(rows, historyRow(&list[i], c.Human, c.NoTrunc))
	}
	return historyListing(c.Human).Print(s, s.Out, c.Format, rows)
}

func historyRow(h *image.HistoryResponseItem, human, whole bool) table.Row {
	at := time.Unix(h.Created, 0).Format(time.RFC3339)
	since, size, by := at, strconv.FormatInt(h.Size, 10), strings.ReplaceAll(h.CreatedBy, "\t", " ")
	if human {
		since, size = table.Ago(h.Created), table.SizeText(h.Size)
		if h.Created <= 0 {
			since = "N/A"
		}
	}
	id := h.ID
	if !whole {
		id, by = table.ShortID(id), table.Ellipsis(by, 45)
	}
	return table.Row{Fields: map[string]any{"ID": id, "CreatedSince": since, "CreatedAt": at, "CreatedBy": by,
		"Size": size, "Comment": h.Comment}}
}
