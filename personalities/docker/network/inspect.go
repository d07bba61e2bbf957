package network

import (
	"context"
	"reflect"

	"github.com/moby/moby/api/types/network"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect is `docker network inspect`.
type Inspect struct {
	inspect.Flags
	Verbose bool `short:"v" help:"Show more for diagnosis"`
}

// Run implements session.Runner.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	if !c.Verbose {
		return inspect.Kind(ctx, s, "network", p.Args, c.Format, false)
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	return inspect.Objects(s, p.Args, c.Format, func(name string) (inspect.Found, error) {
		raw, err := api.NetworkInspect(ctx, name, "", true)
		return inspect.Found{Raw: raw, Shape: reflect.TypeFor[network.Inspect]()}, err
	})
}
