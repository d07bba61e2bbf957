package container

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Diff is `docker container diff`.
type Diff struct{}

// Run implements session.Runner.
func (*Diff) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	changes, err := api.ContainerChanges(ctx, p.Args[0])
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintf(s.Out, "%s %s\n", c.Kind, c.Path)
	}
	return nil
}
