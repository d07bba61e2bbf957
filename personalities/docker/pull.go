package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"box/engine/reference"
	"box/personalities/cmd"
)

// transfer is what pull and push share.
type transfer struct {
	AllTags bool `short:"a" help:"Every tag of the repository"`
	Quiet   bool `short:"q" help:"Print the name only"`
}

// named reads the operand; a name only means the tag latest, unless every tag is wanted.
func (t *transfer) named(s *session, operand string, disableTrust bool) (reference.Named, error) {
	named, err := reference.Parse(operand)
	switch {
	case err != nil:
		return named, err
	case !disableTrust:
		return named, errors.New("this client does not check image signatures: leave --disable-content-trust=false out")
	case t.AllTags && !named.IsNameOnly():
		return named, errors.New("tag can't be used with --all-tags/-a")
	case t.AllTags:
		return named, nil
	case named.IsNameOnly() && !t.Quiet:
		fmt.Fprintln(s.out, "Using default tag: latest")
	}
	return named.OrLatest(), nil
}

// imagePull is `docker image pull`.
type imagePull struct {
	transfer
	DisableContentTrust bool   `default:"true" help:"Skip the check of image signatures"`
	Platform            string `help:"Platform, when the image has several"`
}

func (c *imagePull) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	named, err := c.named(s, p.Args[0], c.DisableContentTrust)
	if err != nil {
		return err
	}
	out := s.out
	if c.Quiet {
		out = io.Discard
	}
	if err := s.pull(ctx, named.String(), s.platform(c.Platform), out); err != nil {
		return err
	}
	fmt.Fprintln(s.out, named)
	return nil
}

// pull fetches an image and shows the progress on out. A name without tag or digest is every tag.
func (s *session) pull(ctx context.Context, name, platform string, out io.Writer) error {
	named, err := reference.Parse(name)
	if err != nil {
		return err
	}
	tag := cmp.Or(named.Digest.String(), named.Tag)
	api, err := s.client()
	if err != nil {
		return err
	}
	body, err := api.ImagePull(ctx, named.FamiliarName(), tag, platform, s.auth(named.Domain))
	if err != nil {
		return err
	}
	defer body.Close()
	return showProgress(s, out, body, nil)
}

// imagePush is `docker image push`.
type imagePush struct {
	transfer
	DisableContentTrust bool   `default:"true" help:"Skip signing the image"`
	Platform            string `help:"Push this platform only"`
}

func (c *imagePush) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
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
	api, err := s.client()
	if err != nil {
		return err
	}
	body, err := api.ImagePush(ctx, named.FamiliarName(), named.Tag, wanted, s.auth(named.Domain))
	if err != nil {
		return err
	}
	defer body.Close()
	out := s.out
	if c.Quiet {
		out = io.Discard
	}
	if err := showProgress(s, out, body, nil); err != nil || !c.Quiet {
		return err
	}
	fmt.Fprintln(s.out, named.String())
	return nil
}
