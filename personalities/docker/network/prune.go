package network

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
)

// Prune is `docker network prune`.
type Prune struct{ prune.Flags }

// Run implements session.Runner.
func (c *Prune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	if err := c.Agreed(ctx, s, "This will remove all custom networks not used by at least one container."); err != nil {
		return err
	}
	removed, _, err := c.UnusedNetworks(ctx, s)
	if err == nil && removed != "" {
		fmt.Fprintln(s.Out, removed)
	}
	return err
}
