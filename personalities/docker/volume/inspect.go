package volume

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/inspect"
	"box/personalities/docker/session"
)

// Inspect is `docker volume inspect`.
type Inspect struct{ inspect.Flags }

func (c *Inspect) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return inspect.Kind(ctx, s, "volume", p.Args, c.Format, false)
}
