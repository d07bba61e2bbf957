package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/outfile"
)

// unpath is an error about a file under the name that the user gave.
func unpath(err error, name string) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return fmt.Errorf("%s %s: %w", path.Op, name, path.Err)
	}
	return err
}

// imageSave is `docker image save`.
type imageSave struct {
	Output   string   `short:"o" help:"Write this file instead of standard output"`
	Platform []string `help:"Save only these platforms"`
}

func (c *imageSave) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	wanted, err := platformsJSON(c.Platform)
	if err != nil {
		return err
	}
	return s.download(ctx, "save image", c.Output, func(ctx context.Context, api *client.Client) (io.ReadCloser, error) {
		return api.ImageSave(ctx, p.Args, wanted)
	})
}

// containerExport is `docker container export`.
type containerExport struct {
	Output string `short:"o" help:"Write this file instead of standard output"`
}

func (c *containerExport) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	return s.download(ctx, "export container", c.Output, func(ctx context.Context, api *client.Client) (io.ReadCloser, error) {
		return api.ContainerExport(ctx, p.Args[0])
	})
}

// download streams what get returns to a file, which appears whole or not at all, or to standard output.
func (s *session) download(ctx context.Context, verb, output string, get func(context.Context, *client.Client) (io.ReadCloser, error)) error {
	if output == "" {
		if _, ok := terminal(s.out); ok {
			return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
		}
	}
	api, err := s.client()
	if err != nil {
		return err
	}
	body, err := get(ctx, api)
	if err != nil {
		return err
	}
	defer body.Close()
	stream, done := s.gauge("Received", 0, body)
	defer done()
	if output == "" {
		_, err = io.Copy(s.out, stream)
		return err
	}
	return writeWhole(s.path(output), verb, stream)
}

// writeWhole writes a stream to the path that a user named.
func writeWhole(path, verb string, body io.Reader) error {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return fmt.Errorf("failed to %s: invalid output path: %w", verb, err)
	}
	if err := outfile.Stream(path, body, 0o600); err != nil {
		if errors.Is(err, outfile.ErrSpecial) {
			return fmt.Errorf("failed to %s: invalid output path: %w", verb, err)
		}
		return err
	}
	return nil
}
