package context

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Show is `docker context show`.
type Show struct{}

// Run implements session.Runner.
func (*Show) Run(_ context.Context, s *session.Session, _ *cmd.Parsed) error {
	name, err := s.CurrentContext()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, name)
	return err
}
