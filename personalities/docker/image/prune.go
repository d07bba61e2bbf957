package image

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
)

// Prune is `docker image prune`.
type Prune struct {
	prune.Flags
	All bool `short:"a" help:"Remove all unused images, not only those without a name"`
}

// Run implements session.Runner.
func (c *Prune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	warning := "This will remove all dangling images."
	if c.All {
		warning = "This will remove all images without at least one container associated to them."
	}
	return c.Prune(ctx, s, warning, c.UnusedImages(c.All))
}
