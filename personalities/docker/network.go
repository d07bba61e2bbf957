package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/network"

	"box/netapi/client"
	"box/personalities/cmd"
)

func networkListing() *listing {
	return &listing{
		setting:  "networksFormat",
		standard: []column{{"ID", "NETWORK ID"}, {"Name", "NAME"}, {"Driver", "DRIVER"}, {"Scope", "SCOPE"}},
		others:   []column{{"IPv4", "IPV4"}, {"IPv6", "IPV6"}, {"Internal", "INTERNAL"}, {"Labels", "LABELS"}, {"CreatedAt", "CREATED AT"}},
	}
}

// networkLs is `docker network ls`.
type networkLs struct {
	Filter  filters `short:"f" placeholder:"filter" help:"Only those that match: driver=..., name=..., label=..."`
	Format  string  `help:"${format}"`
	NoTrunc bool    `help:"Whole IDs"`
	Quiet   bool    `short:"q" help:"IDs only"`
}

func (c *networkLs) Run(ctx context.Context, s *session, _ *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	list, err := api.NetworkList(ctx, client.Filters(c.Filter))
	if err != nil {
		return err
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	if c.Quiet && c.Format == "" {
		c.Format = "{{.ID}}"
	}
	var rows []row
	for i := range list {
		rows = append(rows, networkRow(&list[i], c.NoTrunc))
	}
	return networkListing().print(s, s.out, c.Format, rows)
}

func networkRow(n *client.Network, whole bool) row {
	return row{
		label: func(name string) string { return n.Labels[name] },
		fields: map[string]any{"ID": cutID(n.ID, whole), "Name": n.Name, "Driver": n.Driver, "Scope": n.Scope,
			"IPv4": strconv.FormatBool(n.EnableIPv4), "IPv6": strconv.FormatBool(n.EnableIPv6), "Internal": strconv.FormatBool(n.Internal),
			"Labels": labelText(n.Labels), "CreatedAt": n.Created.String()},
	}
}

// networkCreate is `docker network create`.
type networkCreate struct {
	Attachable bool     `help:"Let containers join by hand"`
	AuxAddress []string `placeholder:"map" help:"Address that containers must not get: NAME=ADDRESS"`
	ConfigFrom string   `help:"Take the configuration from this network"`
	ConfigOnly bool     `help:"Make a configuration for other networks only"`
	Driver     string   `short:"d" default:"bridge" help:"Driver"`
	Gateway    []string `placeholder:"ipSlice" help:"Gateway of a subnet"`
	Ingress    bool     `help:"Make the swarm's routing mesh"`
	Internal   bool     `help:"No way out of the network"`
	IPRange    []string `placeholder:"strings" help:"Part of a subnet that containers get addresses from"`
	IpamDriver string   `default:"default" help:"Driver that gives addresses out"`
	IpamOpt    []string `placeholder:"map" help:"Option of that driver: KEY=VALUE"`
	IPv4       *bool    `name:"ipv4" help:"IPv4 addresses (on unless --ipv4=false)"`
	IPv6       *bool    `name:"ipv6" help:"IPv6 addresses"`
	Label      []string `help:"Put a label on it: KEY[=VALUE]"`
	Opt        []string `short:"o" placeholder:"map" help:"Option of the driver: KEY=VALUE"`
	Scope      string   `help:"How far it reaches: local, swarm"`
	Subnet     []string `placeholder:"strings" help:"Subnet: 172.20.0.0/16"`
}

func (f *networkCreate) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	body, err := f.request(p.Args[0])
	if err != nil {
		return err
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	made, err := api.NetworkCreate(ctx, *body)
	if err != nil {
		return err
	}
	if made.Warning != "" {
		s.complain(fmt.Errorf("WARNING: %s", made.Warning))
	}
	fmt.Fprintln(s.out, made.ID)
	return nil
}

func (f *networkCreate) request(name string) (*network.CreateRequest, error) {
	configs, err := f.ipam()
	if err != nil {
		return nil, err
	}
	body := &network.CreateRequest{
		Name: name, Driver: f.Driver, Scope: f.Scope, EnableIPv4: f.IPv4, EnableIPv6: f.IPv6,
		Internal: f.Internal, Attachable: f.Attachable, Ingress: f.Ingress, ConfigOnly: f.ConfigOnly,
		Options: pairs(f.Opt), Labels: pairs(f.Label),
		IPAM: &network.IPAM{Driver: f.IpamDriver, Options: pairs(f.IpamOpt), Config: configs},
	}
	if f.ConfigFrom != "" {
		body.ConfigFrom = &network.ConfigReference{Network: f.ConfigFrom}
	}
	return body, nil
}

// ipam gives every range, gateway and reserved address to the subnet that holds it.
func (f *networkCreate) ipam() ([]network.IPAMConfig, error) {
	if len(f.Subnet) == 0 && len(f.IPRange)+len(f.Gateway) > 0 {
		return nil, errors.New("every ip-range or gateway must have a corresponding subnet")
	}
	var configs []network.IPAMConfig
	for _, text := range listed(f.Subnet) {
		subnet, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("invalid subnet %s: %w", text, err)
		}
		for _, c := range configs {
			if c.Subnet.Overlaps(subnet) {
				return nil, fmt.Errorf("multiple overlapping subnet configuration is not supported")
			}
		}
		configs = append(configs, network.IPAMConfig{Subnet: subnet})
	}
	holder := func(a netip.Addr) *network.IPAMConfig {
		for i := range configs {
			if configs[i].Subnet.Contains(a) {
				return &configs[i]
			}
		}
		return nil
	}
	for _, text := range listed(f.IPRange) {
		r, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("invalid ip-range %s: %w", text, err)
		}
		c := holder(r.Addr())
		if c == nil {
			return nil, fmt.Errorf("no matching subnet for range %s", text)
		}
		c.IPRange = r
	}
	for _, text := range listed(f.Gateway) {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("invalid gateway %s: %w", text, err)
		}
		c := holder(a)
		if c == nil {
			return nil, fmt.Errorf("no matching subnet for gateway %s", text)
		}
		c.Gateway = a
	}
	for _, pair := range f.AuxAddress {
		name, text, _ := strings.Cut(pair, "=")
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("invalid aux-address %s: %w", pair, err)
		}
		c := holder(a)
		if c == nil {
			return nil, fmt.Errorf("no matching subnet for aux-address %s", text)
		}
		if c.AuxAddress == nil {
			c.AuxAddress = map[string]netip.Addr{}
		}
		c.AuxAddress[name] = a
	}
	return configs, nil
}

// listed splits values at commas: these flags take several in one.
func listed(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

// networkConnect is `docker network connect`.
type networkConnect struct {
	Alias       []string `placeholder:"strings" help:"Another name on that network"`
	DriverOpt   []string `placeholder:"strings" help:"Option of the driver: KEY=VALUE"`
	GwPriority  int      `help:"The network with the highest one has the default gateway"`
	IP          string   `help:"IPv4 address"`
	IP6         string   `name:"ip6" help:"IPv6 address"`
	Link        []string `help:"Know another container by name: NAME[:ALIAS]"`
	LinkLocalIP []string `placeholder:"strings" help:"Link-local address to add"`
}

func (c *networkConnect) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	var e endpoint
	e.settings.Aliases, e.settings.Links, e.settings.GwPriority = listed(c.Alias), c.Link, c.GwPriority
	for key, values := range map[string][]string{"ip": {c.IP}, "ip6": {c.IP6}, "link-local-ip": listed(c.LinkLocalIP), "driver-opt": c.DriverOpt} {
		for _, v := range values {
			if v == "" {
				continue
			}
			if err := e.set(key, v); err != nil {
				return err
			}
		}
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	return api.NetworkConnect(ctx, p.Args[0], p.Args[1], &e.settings)
}

// networkDisconnect is `docker network disconnect`.
type networkDisconnect struct {
	Force bool `short:"f" help:"Even when the container is gone"`
}

func (c *networkDisconnect) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	return api.NetworkDisconnect(ctx, p.Args[0], p.Args[1], c.Force)
}

// networkRm is `docker network rm`.
type networkRm struct {
	Force bool `short:"f" help:"No error for one that does not exist"`
}

func (c *networkRm) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	api, err := s.client()
	if err != nil {
		return err
	}
	return s.each(ctx, p.Args, func(ctx context.Context, name string) error {
		err := api.NetworkRemove(ctx, name)
		if c.Force && isMissing(err) {
			return nil
		}
		return err
	})
}
