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

func historyCommand(u *cmd.Usage) action {
	format, platform := "", ""
	human, whole, quiet := true, false, false
	u.Flags = []cmd.Flag{
		{Value: &format, Name: "format", Help: formatHelp},
		{Value: &human, Name: "human", Short: "H", Help: "Sizes and times in words"},
		{Value: &whole, Name: "no-trunc", Help: "Whole IDs and commands"},
		{Value: &platform, Name: "platform", Help: "Platform, when the image has several"},
		{Value: &quiet, Name: "quiet", Short: "q", Help: "IDs only"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		wanted := ""
		if platform != "" {
			all, err := platformsJSON([]string{platform})
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
		if quiet && format == "" {
			format = "{{.ID}}"
		}
		var rows []row
		for i := range list {
			rows = append(rows, historyRow(&list[i], human, whole))
		}
		return historyListing(human).print(s, s.out, format, rows)
	}
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
