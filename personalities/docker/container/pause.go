package container

import (
	"context"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Pause is `docker container pause`, which has no flags.
type Pause struct{}

// Run is `docker container pause`.
func (*Pause) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		return api.ContainerPause(ctx, id)
	})
}
