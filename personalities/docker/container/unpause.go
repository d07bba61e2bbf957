package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Unpause is `docker container unpause`.
type Unpause struct{}

// Run implements session.Runner.
func (*Unpause) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerUnpause(ctx, id)
	})
}
