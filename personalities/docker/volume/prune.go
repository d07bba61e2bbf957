package volume

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/prune"
	"box/personalities/docker/session"
)

// Prune is `docker volume prune`.
type Prune struct {
	prune.Flags
	All bool `short:"a" help:"Also remove named volumes"`
}

// Run implements session.Runner.
func (c *Prune) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	warning := ""
	if !c.Force {
		which := "anonymous local volumes"
		named, err := prune.NamedVolumes(ctx, s, c.All)
		if err != nil {
			return err
		}
		if named { // of a daemon before 1.42, named ones always
			which = "all local volumes"
		}
		warning = "This will remove " + which + " not used by at least one container."
	}
	return c.Prune(ctx, s, warning, c.UnusedVolumes(c.All))
}
