package container

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Rm is `docker container rm`.
type Rm struct {
	Force   bool `short:"f" help:"Kill running containers first"`
	Link    bool `short:"l" help:"Remove only the link of that name"`
	Volumes bool `short:"v" help:"Also remove anonymous volumes of the container"`
}

// Run implements session.Runner.
func (c *Rm) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return onEach(ctx, s, p.Args, func(ctx context.Context, api *client.Client, id string) error {
		if id == "" {
			return errors.New("container name cannot be empty")
		}
		err := api.ContainerRemove(ctx, id, c.Force, c.Volumes, c.Link)
		if c.Force && errdefs.IsNotFound(err) {
			return session.Tolerated{Err: err}
		}
		return err
	})
}
