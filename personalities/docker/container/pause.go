package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Pause is `docker container pause`.
type Pause struct{}

// Run implements session.Runner.
func (*Pause) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerPause(ctx, id)
	})
}
