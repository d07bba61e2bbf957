package image

import (
	"context"
	"io"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/archive"
	"box/personalities/docker/session"
)

// Save is `docker image save`.
type Save struct {
	Output   string   `short:"o" help:"Write to this file instead of standard output"`
	Platform []string `help:"Save only these platforms"`
}

// Run implements session.Runner.
func (c *Save) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	wanted, err := platformsJSON(c.Platform)
	if err != nil {
		return err
	}
	return archive.Download(ctx, s, "save image", c.Output,
		func(ctx context.Context, api *client.Client) (io.ReadCloser, error) {
			return api.ImageSave(ctx, p.Args, wanted)
		})
}
