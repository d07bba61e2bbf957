package network

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Disconnect is `docker network disconnect`.
type Disconnect struct {
	Force bool `short:"f" help:"Disconnect even if the container does not exist"`
}

// Run implements session.Runner.
func (c *Disconnect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	return api.NetworkDisconnect(ctx, p.Args[0], p.Args[1], c.Force)
}
