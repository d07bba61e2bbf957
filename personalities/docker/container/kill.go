package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Kill is `docker container kill`.
type Kill struct {
	Signal string `short:"s" help:"Signal to send instead of SIGKILL"`
}

// Run implements session.Runner.
func (c *Kill) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerKill(ctx, id, c.Signal)
	})
}
