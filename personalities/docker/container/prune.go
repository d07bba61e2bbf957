package container

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
)

// Prune is `docker container prune`.
type Prune struct{ prune.Flags }

// Run implements session.Runner.
func (c *Prune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	return c.Prune(ctx, s, "This will remove all stopped containers.", c.StoppedContainers)
}
