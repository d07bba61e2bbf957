package container

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect has the flags of `docker container inspect`.
type Inspect struct {
	inspect.Flags
	Size bool `short:"s" help:"Show sizes"`
}

// Run is `docker container inspect`.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return inspect.Kind(ctx, s, "container", p.Args, c.Format, c.Size)
}
