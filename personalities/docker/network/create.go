package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/network"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Create has the flags of `docker network create`.
type Create struct {
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

// Run is `docker network create`.
func (f *Create) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	body, err := f.request(p.Args[0])
	if err != nil {
		return err
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	made, err := api.NetworkCreate(ctx, *body)
	if err != nil {
		return err
	}
	if made.Warning != "" {
		s.Complain(fmt.Errorf("WARNING: %s", made.Warning))
	}
	fmt.Fprintln(s.Out, made.ID)
	return nil
}

func (f *Create) request(name string) (*network.CreateRequest, error) {
	configs, err := f.ipam()
	if err != nil {
		return nil, err
	}
	body := &network.CreateRequest{
		Name: name, Driver: f.Driver, Scope: f.Scope, EnableIPv4: f.IPv4, EnableIPv6: f.IPv6,
		Internal: f.Internal, Attachable: f.Attachable, Ingress: f.Ingress, ConfigOnly: f.ConfigOnly,
		Options: values.Pairs(f.Opt), Labels: values.Pairs(f.Label),
		IPAM: &network.IPAM{Driver: f.IpamDriver, Options: values.Pairs(f.IpamOpt), Config: configs},
	}
	if f.ConfigFrom != "" {
		body.ConfigFrom = &network.ConfigReference{Network: f.ConfigFrom}
	}
	return body, nil
}

// ipam gives every range, gateway and reserved address to the subnet that holds it.
func (f *Create) ipam() ([]network.IPAMConfig, error) {
	if len(f.Subnet) == 0 && len(f.IPRange)+len(f.Gateway) > 0 {
		return nil, errors.New("every ip-range or gateway must have a corresponding subnet")
	}
	var configs []network.IPAMConfig
	for _, text := range values.Listed(f.Subnet) {
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
	for _, text := range values.Listed(f.IPRange) {
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
	for _, text := range values.Listed(f.Gateway) {
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
