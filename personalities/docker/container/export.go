package container

import (
	"context"
	"io"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/archive"
	"box/personalities/docker/session"
)

// Export is `docker container export`.
type Export struct {
	Output string `short:"o" help:"Write to this file instead of standard output"`
}

// Run implements session.Runner.
func (c *Export) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	return archive.Download(ctx, s, "export container", c.Output,
		func(ctx context.Context, api *client.Client) (io.ReadCloser, error) {
			return api.ContainerExport(ctx, p.Args[0])
		})
}
