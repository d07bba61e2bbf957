package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"box/engine/reference"
	"box/personalities/cmd"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
)

// transfer are the flags that pull and push share.
type transfer struct {
	AllTags bool `short:"a" help:"All tags of the repository"`
	Quiet   bool `short:"q" help:"Print only the name"`
}

// named parses the operand. A name without tag means latest, unless all tags are wanted.
func (t *transfer) named(s *session.Session, operand string, disableTrust bool) (reference.Named, error) {
	named, err := reference.Parse(operand)
	switch {
	case err != nil:
		return named, err
	case !disableTrust:
		return named, errors.New("this client does not check image signatures: omit --disable-content-trust=false")
	case t.AllTags && !named.IsNameOnly():
		return named, errors.New("tag can't be used with --all-tags/-a")
	case t.AllTags:
		return named, nil
	case named.IsNameOnly() && !t.Quiet:
		fmt.Fprintln(s.Out, "Using default tag: latest")
	}
	return named.OrLatest(), nil
}

// Pull is `docker image pull`.
type Pull struct {
	transfer
	DisableContentTrust bool   `default:"true" help:"Do not check signatures of images"`
	Platform            string `help:"Platform, if the image has several"`
}

// Run implements session.Runner.
func (c *Pull) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	named, err := c.named(s, p.Args[0], c.DisableContentTrust)
	if err != nil {
		return err
	}
	out := s.Out
	if c.Quiet {
		out = io.Discard
	}
	if err := Fetch(ctx, s, named.String(), s.Platform(c.Platform), out); err != nil {
		return err
	}
	fmt.Fprintln(s.Out, named)
	return nil
}

// Fetch pulls an image and shows progress on out. A name without tag or digest pulls all tags.
func Fetch(ctx context.Context, s *session.Session, name, platform string, out io.Writer) error {
	body, err := Request(ctx, s, name, platform)
	if err != nil {
		return err
	}
	defer body.Close()
	return progress.ShowProgress(s, out, body, nil)
}

// Request pulls an image, with what the settings have for its registry, while the result is read: a progress stream. A
// name without tag or digest pulls all tags.
func Request(ctx context.Context, s *session.Session, name, platform string) (io.ReadCloser, error) {
	named, err := reference.Parse(name)
	if err != nil {
		return nil, err
	}
	tag := cmp.Or(named.Digest.String(), named.Tag)
	api, err := s.Client()
	if err != nil {
		return nil, err
	}
	return api.ImagePull(ctx, named.FamiliarName(), tag, platform, s.Auth(named.Domain))
}
