package image

import (
	"context"
	"fmt"
	"io"

	"box/personalities/cmd"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
)

// Push is `docker image push`.
type Push struct {
	transfer
	DisableContentTrust bool   `default:"true" help:"Do not sign the image"`
	Platform            string `help:"Push only this platform"`
}

// Run implements session.Runner.
func (c *Push) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	named, err := c.named(s, p.Args[0], c.DisableContentTrust)
	if err != nil {
		return err
	}
	wanted := ""
	if c.Platform != "" {
		all, err := platformsJSON([]string{c.Platform})
		if err != nil {
			return err
		}
		wanted = all[0]
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	body, err := api.ImagePush(ctx, named.FamiliarName(), named.Tag, wanted, s.Auth(named.Domain))
	if err != nil {
		return err
	}
	defer body.Close()
	out := s.Out
	if c.Quiet {
		out = io.Discard
	}
	if err := progress.ShowProgress(s, out, body, nil); err != nil || !c.Quiet {
		return err
	}
	fmt.Fprintln(s.Out, named.String())
	return nil
}
