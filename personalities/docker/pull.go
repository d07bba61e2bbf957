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

func pullCommand(u *cmd.Usage) action {
	var all, quiet bool
	disableTrust, platform := true, ""
	u.Flags = []cmd.Flag{
		{Value: &all, Name: "all-tags", Short: "a", Help: "Every tag of the repository"},
		{Value: &disableTrust, Name: "disable-content-trust", Help: "Skip the check of image signatures"},
		{Value: &platform, Name: "platform", Help: "Platform, when the image has several"},
		{Value: &quiet, Name: "quiet", Short: "q", Help: "Print the name only"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		ctx, stop := s.interruptible(ctx)
		defer stop()
		named, err := reference.Parse(p.Args[0])
		switch {
		case err != nil:
			return err
		case !disableTrust:
			return errors.New("this client does not check image signatures: leave --disable-content-trust=false out")
		case all && !named.IsNameOnly():
			return errors.New("tag can't be used with --all-tags/-a")
		case !all && named.IsNameOnly() && !quiet:
			fmt.Fprintln(s.out, "Using default tag: latest")
		}
		out := s.out
		if quiet {
			out = io.Discard
		}
		name := named.String()
		if !all {
			name = named.OrLatest().String()
		}
		if err := s.pull(ctx, name, platform, out); err != nil {
			return err
		}
		fmt.Fprintln(s.out, name)
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
	var all, quiet bool
	disableTrust, platform := true, ""
	u.Flags = []cmd.Flag{
		{Value: &all, Name: "all-tags", Short: "a", Help: "Every tag of the repository"},
		{Value: &disableTrust, Name: "disable-content-trust", Help: "Skip signing the image"},
		{Value: &platform, Name: "platform", Help: "Push this platform only"},
		{Value: &quiet, Name: "quiet", Short: "q", Help: "Print the name only"},
	}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
		ctx, stop := s.interruptible(ctx)
		defer stop()
		named, err := reference.Parse(p.Args[0])
		switch {
		case err != nil:
			return err
		case !disableTrust:
			return errors.New("this client does not check image signatures: leave --disable-content-trust=false out")
		case all && !named.IsNameOnly():
			return errors.New("tag can't be used with --all-tags/-a")
		case !all && named.IsNameOnly():
			named = named.OrLatest()
			if !quiet {
				fmt.Fprintln(s.out, "Using default tag: latest")
			}
		}
		wanted := ""
		if platform != "" {
			all, err := platformsJSON([]string{platform})
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
		if quiet {
			out = io.Discard
		}
		if err := showProgress(s, out, body, nil); err != nil || !quiet {
			return err
		}
		fmt.Fprintln(s.out, named.String())
		return nil
	}
}
