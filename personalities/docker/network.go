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

func networkListCommand(u *cmd.Usage) action {
	var f filters
	format, whole, quiet := "", false, false
	u.Flags = []cmd.Flag{
		{Value: &f, Name: "filter", Short: "f", Kind: "filter", Help: "Only those that match: driver=..., name=..., label=..."},
		{Value: &format, Name: "format", Help: formatHelp},
		{Value: &whole, Name: "no-trunc", Help: "Whole IDs"},
		{Value: &quiet, Name: "quiet", Short: "q", Help: "IDs only"},
	}
	return func(ctx context.Context, s *session, _ *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		list, err := api.NetworkList(ctx, client.Filters(f))
		if err != nil {
			return err
		}
		sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
		if quiet && format == "" {
			format = "{{.ID}}"
		}
		var rows []row
		for i := range list {
			rows = append(rows, networkRow(&list[i], whole))
		}
		return networkListing().print(s, s.out, format, rows)
	}
}

func networkRow(n *client.Network, whole bool) row {
	return row{
		label: func(name string) string { return n.Labels[name] },
		fields: map[string]any{"ID": cutID(n.ID, whole), "Name": n.Name, "Driver": n.Driver, "Scope": n.Scope,
			"IPv4": strconv.FormatBool(n.EnableIPv4), "IPv6": strconv.FormatBool(n.EnableIPv6), "Internal": strconv.FormatBool(n.Internal),
			"Labels": labelText(n.Labels), "CreatedAt": n.Created.String()},
	}
}

type networkCreateFlags struct {
	driver, ipamDriver, configFrom, scope    string
	attachable, configOnly, ingress, private bool
	v4, v6                                   *bool
	subnets, ranges, gateways, aux           []string
	options, ipamOptions, labels             []string
}

func networkCreateCommand(u *cmd.Usage) action {
	f := networkCreateFlags{driver: "bridge", ipamDriver: "default"}
	u.Flags = []cmd.Flag{
		{Value: &f.attachable, Name: "attachable", Help: "Let containers join by hand"},
		{Value: &f.aux, Name: "aux-address", Kind: "map", Help: "Address that containers must not get: NAME=ADDRESS"},
		{Value: &f.configFrom, Name: "config-from", Help: "Take the configuration from this network"},
		{Value: &f.configOnly, Name: "config-only", Help: "Make a configuration for other networks only"},
		{Value: &f.driver, Name: "driver", Short: "d", Help: "Driver"},
		{Value: &f.gateways, Name: "gateway", Kind: "ipSlice", Help: "Gateway of a subnet"},
		{Value: &f.ingress, Name: "ingress", Help: "Make the swarm's routing mesh"},
		{Value: &f.private, Name: "internal", Help: "No way out of the network"},
		{Value: &f.ranges, Name: "ip-range", Kind: "strings", Help: "Part of a subnet that containers get addresses from"},
		{Value: &f.ipamDriver, Name: "ipam-driver", Help: "Driver that gives addresses out"},
		{Value: &f.ipamOptions, Name: "ipam-opt", Kind: "map", Help: "Option of that driver: KEY=VALUE"},
		{Value: &f.v4, Name: "ipv4", Help: "IPv4 addresses (on unless --ipv4=false)"},
		{Value: &f.v6, Name: "ipv6", Help: "IPv6 addresses"},
		{Value: &f.labels, Name: "label", Help: "Put a label on it: KEY[=VALUE]"},
		{Value: &f.options, Name: "opt", Short: "o", Kind: "map", Help: "Option of the driver: KEY=VALUE"},
		{Value: &f.scope, Name: "scope", Help: "How far it reaches: local, swarm"},
		{Value: &f.subnets, Name: "subnet", Kind: "strings", Help: "Subnet: 172.20.0.0/16"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
}

func (f *networkCreateFlags) request(name string) (*network.CreateRequest, error) {
	configs, err := f.ipam()
	if err != nil {
		return nil, err
	}
	body := &network.CreateRequest{
		Name: name, Driver: f.driver, Scope: f.scope, EnableIPv4: f.v4, EnableIPv6: f.v6,
		Internal: f.private, Attachable: f.attachable, Ingress: f.ingress, ConfigOnly: f.configOnly,
		Options: pairs(f.options), Labels: pairs(f.labels),
		IPAM: &network.IPAM{Driver: f.ipamDriver, Options: pairs(f.ipamOptions), Config: configs},
	}
	if f.configFrom != "" {
		body.ConfigFrom = &network.ConfigReference{Network: f.configFrom}
	}
	return body, nil
}

// ipam gives every range, gateway and reserved address to the subnet that holds it.
func (f *networkCreateFlags) ipam() ([]network.IPAMConfig, error) {
	if len(f.subnets) == 0 && len(f.ranges)+len(f.gateways) > 0 {
		return nil, errors.New("every ip-range or gateway must have a corresponding subnet")
	}
	var configs []network.IPAMConfig
	for _, text := range listed(f.subnets) {
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
	for _, text := range listed(f.ranges) {
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
	for _, text := range listed(f.gateways) {
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
	for _, pair := range f.aux {
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

func networkConnectCommand(u *cmd.Usage) action {
	var e endpoint
	var aliases, links, linkLocal, driverOpts []string
	ip, ip6, priority := "", "", 0
	u.Flags = []cmd.Flag{
		{Value: &aliases, Name: "alias", Kind: "strings", Help: "Another name on that network"},
		{Value: &driverOpts, Name: "driver-opt", Kind: "strings", Help: "Option of the driver: KEY=VALUE"},
		{Value: &priority, Name: "gw-priority", Help: "The network with the highest one has the default gateway"},
		{Value: &ip, Name: "ip", Help: "IPv4 address"},
		{Value: &ip6, Name: "ip6", Help: "IPv6 address"},
		{Value: &links, Name: "link", Help: "Know another container by name: NAME[:ALIAS]"},
		{Value: &linkLocal, Name: "link-local-ip", Kind: "strings", Help: "Link-local address to add"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		e.settings.Aliases, e.settings.Links, e.settings.GwPriority = listed(aliases), links, priority
		for key, values := range map[string][]string{"ip": {ip}, "ip6": {ip6}, "link-local-ip": listed(linkLocal), "driver-opt": driverOpts} {
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
}

func networkDisconnectCommand(u *cmd.Usage) action {
	force := false
	u.Flags = []cmd.Flag{{Value: &force, Name: "force", Short: "f", Help: "Even when the container is gone"}}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		return api.NetworkDisconnect(ctx, p.Args[0], p.Args[1], force)
	}
}

func networkRemoveCommand(u *cmd.Usage) action {
	force := false
	u.Flags = []cmd.Flag{{Value: &force, Name: "force", Short: "f", Help: "No error for one that does not exist"}}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		api, err := s.client()
		if err != nil {
			return err
		}
		return s.each(ctx, p.Args, func(ctx context.Context, name string) error {
			err := api.NetworkRemove(ctx, name)
			if force && isMissing(err) {
				return nil
			}
			return err
		})
	}
}
