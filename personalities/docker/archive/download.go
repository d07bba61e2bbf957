package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"box/netapi/client"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
	"box/personalities/outfile"
)

// Download writes the stream that get returns to a file, which appears complete or not at all, or to standard output.
func Download(ctx context.Context, s *session.Session, verb, output string,
	get func(context.Context, *client.Client) (io.ReadCloser, error)) error {
	if output == "" {
		if _, ok := session.Terminal(s.Out); ok {
			return errors.New("cowardly refusing to save to a terminal. Use the -o flag or redirect")
		}
	}
	api, err := s.Client()
	if err != nil {
		return err
	}
	body, err := get(ctx, api)
	if err != nil {
		return err
	}
	defer body.Close()
	stream, done := progress.Reader(s, "Received", 0, body)
	defer done()
	if output == "" {
		_, err = io.Copy(s.Out, stream)
		return err
	}
	return writeWhole(s.Path(output), verb, stream)
}

// writeWhole writes a stream to a path that the user named.
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
