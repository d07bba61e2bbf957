package context

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Show is `docker context show`, which has no flags.
type Show struct{}

// Run is `docker context show`.
func (*Show) Run(_ context.Context, s *session.Session, _ *cmd.Parsed) error {
	name, err := s.CurrentContext()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, name)
	return err
}
