// Package network is the commands about networks, with a file for each verb.
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

// Ls is `docker network ls`.
type Ls struct {
	Filter  values.Filters `short:"f" placeholder:"filter" help:"Filter: driver=..., name=..., label=..."`
	Format  string         `help:"${format}"`
	NoTrunc bool           `help:"Do not shorten IDs"`
	Quiet   bool           `short:"q" help:"Print IDs only"`
}

// Run implements session.Runner.
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

// row is a network in `docker network ls`; --format may call its methods.
type row struct {
	n     *client.Network
	whole bool
}

// ID returns the ID of the network.
func (r *row) ID() string { return table.CutID(r.n.ID, r.whole) }

// Name returns the name of the network.
func (r *row) Name() string { return r.n.Name }

// Driver returns the driver of the network.
func (r *row) Driver() string { return r.n.Driver }

// Scope returns "local", or "swarm" for a network of a swarm.
func (r *row) Scope() string { return r.n.Scope }

// IPv4 tells whether the network has IPv4 addresses.
func (r *row) IPv4() string { return strconv.FormatBool(r.n.EnableIPv4) }

// IPv6 tells whether the network has IPv6 addresses.
func (r *row) IPv6() string { return strconv.FormatBool(r.n.EnableIPv6) }

// Internal tells whether the network is cut off from other networks.
func (r *row) Internal() string { return strconv.FormatBool(r.n.Internal) }

// Labels returns all labels.
func (r *row) Labels() string { return table.LabelText(r.n.Labels) }

// Label returns the value of one label.
func (r *row) Label(name string) string { return r.n.Labels[name] }

// CreatedAt returns the date of creation.
func (r *row) CreatedAt() string { return r.n.Created.String() }
