// Package network is the commands about networks, a file a verb.
package network

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
	"box/personalities/docker/values"
)

func networkListing() *table.Listing {
	return &table.Listing{
		Setting:  "networksFormat",
		Standard: []table.Column{{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}},
		Others: []table.Column{{"IPv4", "IPV4"}, {"IPv6", "IPV6"}, {"Internal", "INTERNAL"}, {"Labels", "LABELS"},
			{"CreatedAt", "CREATED AT"}},
	}
}

// Ls has the flags of `docker network ls`.
type Ls struct {
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Only those that match: driver=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	NoTrunc bool           `help:"Whole IDs"`
	Quiet   bool           `short:"q" help:"IDs only"`
}

// Run is `docker network ls`.
func (c *Ls) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	list, err := api.NetworkList(ctx, client.Filters(c.Filter))
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b client.Network) int { return cmp.Compare(a.Name, b.Name) })
	if c.Quiet && c.Format == "" {
		c.Format = "{{.ID}}"
	}
	var rows []table.Row
	for i := range list {
		rows = append(rows, networkRow(&list[i], c.NoTrunc))
	}
	return networkListing().Print(s, s.Out, c.Format, rows)
}

func networkRow(n *client.Network, whole bool) table.Row {
	return table.Row{
		Label: func(name string) string { return n.Labels[name] },
		Fields: map[string]any{"ID": table.CutID(n.ID, whole), "Name": n.Name, "Driver": n.Driver, "Scope": n.Scope,
			"IPv4": strconv.FormatBool(n.EnableIPv4), "IPv6": strconv.FormatBool(n.EnableIPv6),
			"Internal": strconv.FormatBool(n.Internal),
			"Labels":   table.LabelText(n.Labels), "CreatedAt": n.Created.String()},
	}
}
