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
	all, quiet   bool
	disableTrust bool
	platform     string
}

func (t *transfer) flags(trust, platform string) []cmd.Flag {
	t.disableTrust = true
	return []cmd.Flag{
		{Value: &t.all, Name: "all-tags", Short: "a", Help: "Every tag of the repository"},
		{Value: &t.disableTrust, Name: "disable-content-trust", Help: trust},
		{Value: &t.platform, Name: "platform", Help: platform},
		{Value: &t.quiet, Name: "quiet", Short: "q", Help: "Print the name only"},
	}
}

// named reads the operand; a name only means the tag latest, unless every tag is wanted.
func (t *transfer) named(s *session, operand string) (reference.Named, error) {
	named, err := reference.Parse(operand)
	switch {
	case err != nil:
		return named, err
	case !t.disableTrust:
		return named, errors.New("this client does not check image signatures: leave --disable-content-trust=false out")
	case t.all && !named.IsNameOnly():
		return named, errors.New("tag can't be used with --all-tags/-a")
	case t.all:
		return named, nil
	case named.IsNameOnly() && !t.quiet:
		fmt.Fprintln(s.out, "Using default tag: latest")
	}
	return named.OrLatest(), nil
}

func pullCommand(u *cmd.Usage) action {
	var t transfer
	u.Flags = t.flags("Skip the check of image signatures", "Platform, when the image has several")
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		named, err := t.named(s, p.Args[0])
		if err != nil {
			return err
		}
		out := s.out
		if t.quiet {
			out = io.Discard
		}
		if err := s.pull(ctx, named.String(), s.platform(t.platform), out); err != nil {
			return err
		}
		fmt.Fprintln(s.out, named)
		return nil
	}
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

func pushCommand(u *cmd.Usage) action {
	var t transfer
	u.Flags = t.flags("Skip signing the image", "Push this platform only")
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		named, err := t.named(s, p.Args[0])
		if err != nil {
			return err
		}
		wanted := ""
		if t.platform != "" {
			all, err := platformsJSON([]string{t.platform})
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
		if t.quiet {
			out = io.Discard
		}
		if err := showProgress(s, out, body, nil); err != nil || !t.quiet {
			return err
		}
		fmt.Fprintln(s.out, named.String())
		return nil
	}
}
