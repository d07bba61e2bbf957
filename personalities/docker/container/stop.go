package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// stopFlags are the flags that stop and restart share.
type stopFlags struct {
	Signal  string `short:"s" help:"Signal that asks the container to stop"`
	Timeout *int   `short:"t" aliases:"time" help:"Seconds to wait before killing the container"`
}

// Stop is `docker container stop`.
type Stop struct{ stopFlags }

// Run implements session.Runner.
func (c *Stop) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerStop(ctx, id, c.Signal, c.Timeout)
	})
}
