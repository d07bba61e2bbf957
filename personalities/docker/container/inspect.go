package container

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect is `docker container inspect`.
type Inspect struct {
	inspect.Flags
	Size bool `short:"s" help:"Show sizes"`
}

// Run implements session.Runner.
func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return inspect.Kind(ctx, s, "container", p.Args, c.Format, c.Size)
}
