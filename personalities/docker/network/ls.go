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
		Key:      "ID",
		Standard: []table.Column{{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}},
		Others: []table.Column{{"IPv4", "IPV4"}, {"IPv6", "IPV6"}, {"Internal", "INTERNAL"}, {"Labels", "LABELS"},
			{"CreatedAt", "CREATED AT"}},
		Raw: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
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
	l := networkListing()
	if c.Quiet {
		c.Format = l.Quiet(c.Format)
	}
	var rows []*row
	for i := range list {
		rows = append(rows, &row{&list[i], c.NoTrunc})
	}
	return table.Print(s, s.Out, l, c.Format, rows)
}

// row is a network of the listing; its methods are what --format may name.
type row struct {
	n     *client.Network
	whole bool
}

// ID is the network's.
func (r *row) ID() string { return table.CutID(r.n.ID, r.whole) }

// Name is the network's.
func (r *row) Name() string { return r.n.Name }

// Driver is the network's.
func (r *row) Driver() string { return r.n.Driver }

// Scope is "local", but for networks of a swarm.
func (r *row) Scope() string { return r.n.Scope }

// IPv4 tells whether there are such addresses.
func (r *row) IPv4() string { return strconv.FormatBool(r.n.EnableIPv4) }

// IPv6 tells whether there are such addresses.
func (r *row) IPv6() string { return strconv.FormatBool(r.n.EnableIPv6) }

// Internal tells whether the network leads nowhere else.
func (r *row) Internal() string { return strconv.FormatBool(r.n.Internal) }

// Labels are all of them.
func (r *row) Labels() string { return table.LabelText(r.n.Labels) }

// Label is the value of one.
func (r *row) Label(name string) string { return r.n.Labels[name] }

// CreatedAt is a date.
func (r *row) CreatedAt() string { return r.n.Created.String() }
