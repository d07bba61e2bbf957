package volume

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/volume"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// Create is `docker volume create`.
type Create struct {
	Driver string   `short:"d" default:"local" help:"Driver"`
	Label  []string `type:"label" help:"Set a label: KEY[=VALUE]"`
	Name   string   `hidden:"" help:"Name"`
	Opt    []string `short:"o" placeholder:"map" help:"Option of the driver: type=..., device=..., o=..."`
}

// Run implements session.Runner.
func (c *Create) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if len(p.Args) == 1 {
		if c.Name != "" {
			return errors.New("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
		}
		c.Name = p.Args[0]
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	v, err := api.VolumeCreate(ctx, volume.CreateRequest{Name: c.Name, Driver: c.Driver,
		DriverOpts: values.Pairs(c.Opt), Labels: values.Pairs(c.Label)})
	if err == nil {
		fmt.Fprintln(s.Out, v.Name)
	}
	return err
}
