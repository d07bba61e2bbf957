package docker

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/image"

	"box/personalities/cmd"
)

func historyListing(human bool) *listing {
	created := "CREATED"
	if !human {
		created = "CREATED AT"
	}
	return &listing{
		standard: []column{{"ID", "IMAGE"}, {"CreatedSince", created}, {"CreatedBy", "CREATED BY"}, {"Size", "SIZE"}, {"Comment", "COMMENT"}},
		others:   []column{{"CreatedAt", "CREATED AT"}},
	}
}

// imageHistory is `docker image history`.
type imageHistory struct {
	Format   string `help:"${format}"`
	Human    bool   `short:"H" default:"true" help:"Sizes and times in words"`
	NoTrunc  bool   `help:"Whole IDs and commands"`
	Platform string `help:"Platform, when the image has several"`
	Quiet    bool   `short:"q" help:"IDs only"`
}

func (c *imageHistory) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	wanted := ""
	if c.Platform != "" {
		all, err := platformsJSON([]string{c.Platform})
		if err != nil {
			return err
		}
		wanted = all[0]
	}
	api, err := s.client()
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
	var rows []row
	for i := range list {
		rows = append(rows, historyRow(&list[i], c.Human, c.NoTrunc))
	}
	return historyListing(c.Human).print(s, s.out, c.Format, rows)
}

func historyRow(h *image.HistoryResponseItem, human, whole bool) row {
	at := time.Unix(h.Created, 0).Format(time.RFC3339)
	since, size, by := at, strconv.FormatInt(h.Size, 10), strings.ReplaceAll(h.CreatedBy, "\t", " ")
	if human {
		since, size = ago(h.Created), sizeText(h.Size)
		if h.Created <= 0 {
			since = "N/A"
		}
	}
	id := h.ID
	if !whole {
		id, by = shortID(id), ellipsis(by, 45)
	}
	return row{fields: map[string]any{"ID": id, "CreatedSince": since, "CreatedAt": at, "CreatedBy": by, "Size": size, "Comment": h.Comment}}
}
