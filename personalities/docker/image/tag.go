package image

import (
	"context"
	"fmt"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// Tag is `docker image tag`.
type Tag struct{}

// Run implements session.Runner.
func (*Tag) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	repo, tag, err := SplitTag(p.Args[1])
	if err != nil {
		return fmt.Errorf("Error parsing reference: %q is not a valid repository/tag: %w", p.Args[1], err)
	}
	return api.ImageTag(ctx, p.Args[0], repo, tag)
}
