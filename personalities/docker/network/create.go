package network

import (
	"context"
	"fmt"

	"github.com/moby/moby/api/types/network"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Create is `docker network create`.
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
	Label      []string `type:"label" help:"Put a label on it: KEY[=VALUE]"`
	Opt        []string `short:"o" placeholder:"map" help:"Option of the driver: KEY=VALUE"`
	Scope      string   `help:"How far it reaches: local, swarm"`
	Subnet     []string `placeholder:"strings" help:"Subnet: 172.20.0.0/16"`
}

// Run implements session.Runner.
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
	configs, err := f.subnets()
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
