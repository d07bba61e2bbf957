package system

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
	"box/personalities/docker/table"
)

// BuilderPrune is `docker builder prune`.
type BuilderPrune struct {
	prune.Flags
	All bool `short:"a" help:"Remove all cache, also if images use it"`
}

// Run implements session.Runner.
func (c *BuilderPrune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	warning := "This will remove all dangling build cache."
	if c.All {
		warning = "This will remove all build cache."
	}
	if err := c.Agreed(ctx, s, warning); err != nil {
		return err
	}
	removed, freed, err := c.BuildCache(c.All)(ctx, s)
	if err != nil {
		return err
	}
	if removed != "" {
		fmt.Fprintln(s.Out, removed)
	}
	fmt.Fprintf(s.Out, "Total:\t%s\n", table.SizeOf(int64(freed)))
	return nil
}
