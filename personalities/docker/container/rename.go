package container

import (
	"context"
	"errors"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Rename is `docker container rename`.
type Rename struct{}

// Run implements session.Runner.
func (*Rename) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	if p.Args[0] == "" || p.Args[1] == "" {
		return errors.New("Error: Neither old nor new names may be empty")
	}
	if err := api.ContainerRename(ctx, p.Args[0], p.Args[1]); err != nil {
		return fmt.Errorf("%w\nError: failed to rename container named %s", err, p.Args[0])
	}
	return nil
}
