package context

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Use is `docker context use`.
type Use struct{}

// Run implements session.Runner.
func (*Use) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	name := p.Args[0]
	if name != session.DefaultContext {
		if err := session.CheckContextName(name); err != nil {
			return err
		}
		if _, err := s.Contexts().Get(name); err != nil {
			return err
		}
	}
	if err := s.SaveCurrent(name); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, name)
	fmt.Fprintf(s.Err, "Current context is now %q\n", name)
	if name != session.DefaultContext && s.Env.Getenv("DOCKER_HOST") != "" {
		fmt.Fprintf(s.Err, "Warning: DOCKER_HOST environment variable overrides the active context. To use %q, either set "+
			"the global --context flag, or unset DOCKER_HOST environment variable.\n", name)
	}
	return nil
}
