package system

import (
	"context"

	"box/personalities/cmd"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
)

// Migrate is `docker system migrate`, which only box has.
type Migrate struct {
	From       string   `placeholder:"DRIVER" help:"Move the images and containers of this storage driver"`
	To         string   `placeholder:"DRIVER" help:"Storage driver of the daemon, to which they are moved"`
	Keep       bool     `help:"Leave the images and layers where they were, too"`
	StorageOpt []string `placeholder:"KEY=VALUE" help:"Storage option of the driver to move from"`
}

// Run implements session.Runner.
func (c *Migrate) Run(ctx context.Context, s *session.Session, _ *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	body, err := api.Migrate(ctx, c.From, c.To, c.Keep, c.StorageOpt)
	if err != nil {
		return err
	}
	defer body.Close()
	return progress.ShowProgress(s, s.Out, body, nil)
}
