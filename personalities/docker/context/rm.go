package context

import (
	"context"
	"errors"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Rm is `docker context rm`.
type Rm struct {
	Force bool `short:"f" help:"Also remove the current context; ignore contexts that do not exist"`
}

// Run implements session.Runner.
func (c *Rm) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	current, err := s.CurrentContext()
	if err != nil {
		return err
	}
	return s.Each(ctx, p.Args, func(_ context.Context, name string) error {
		if name == session.DefaultContext {
			return errors.New(`context "default" cannot be removed`)
		}
		if err := session.CheckContextName(name); err != nil {
			return err
		}
		if !c.Force && !s.Contexts().Has(name) {
			return fmt.Errorf("context %q does not exist", name)
		}
		if name == current {
			if !c.Force {
				return fmt.Errorf("context %q is in use, set -f flag to force remove", name)
			}
			if err := s.SaveCurrent(""); err != nil {
				return err
			}
		}
		return s.Contexts().Remove(name)
	})
}
