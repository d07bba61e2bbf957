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
	Attachable bool     `help:"Allow containers to be attached manually"`
	AuxAddress []string `placeholder:"map" help:"Address that is not given to containers: NAME=ADDRESS"`
	ConfigFrom string   `help:"Copy the configuration of this network"`
	ConfigOnly bool     `help:"Create only a configuration for other networks"`
	Driver     string   `short:"d" default:"bridge" help:"Driver"`
	Gateway    []string `placeholder:"ipSlice" help:"Gateway of a subnet"`
	Ingress    bool     `help:"Create the swarm's routing mesh"`
	Internal   bool     `help:"Do not connect the network to others"`
	IPRange    []string `placeholder:"strings" help:"Part of a subnet with the addresses for containers"`
	IpamDriver string   `default:"default" help:"Driver that assigns addresses"`
	IpamOpt    []string `placeholder:"map" help:"Option of the address driver: KEY=VALUE"`
	IPv4       *bool    `name:"ipv4" help:"Assign IPv4 addresses (default true)"`
	IPv6       *bool    `name:"ipv6" help:"Assign IPv6 addresses"`
	Label      []string `type:"label" help:"Set a label: KEY[=VALUE]"`
	Opt        []string `short:"o" placeholder:"map" help:"Option of the driver: KEY=VALUE"`
	Scope      string   `help:"Scope of the network: local or swarm"`
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
