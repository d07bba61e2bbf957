package volume

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Rm is `docker volume rm`.
type Rm struct {
	Force bool `short:"f" help:"Ignore names that do not exist"`
}

// Run implements session.Runner.
func (c *Rm) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	return s.Each(ctx, p.Args, func(ctx context.Context,
		name string) error {
		return api.VolumeRemove(ctx, name, c.Force)
	})
}
