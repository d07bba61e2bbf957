package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Restart is `docker container restart`.
type Restart struct{ stopFlags }

// Run implements session.Runner.
func (c *Restart) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerRestart(ctx, id, c.Signal, c.Timeout)
	})
}
