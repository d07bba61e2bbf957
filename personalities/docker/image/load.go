package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"box/netapi/client"
	"box/personalities/cmd"
	"box/personalities/docker/archive"
	"box/personalities/docker/progress"
	"box/personalities/docker/session"
)

// Load is `docker image load`.
type Load struct {
	Input    string   `short:"i" help:"Read from this file, or from all archives in this folder"`
	Platform []string `help:"Load only these platforms"`
	Quiet    bool     `short:"q" help:"Do not show progress"`
}

// Run implements session.Runner.
func (f *Load) Run(ctx context.Context, s *session.Session, p *cmd.Parsed) error {
	api, err := s.Client()
	if err != nil {
		return err
	}
	sources := p.Args
	if f.Input != "" {
		sources = append([]string{f.Input}, sources...)
	}
	if len(sources) == 0 {
		return f.standardInput(ctx, s, api)
	}
	var archives []archiveFile
	for _, source := range sources {
		found, err := archivesAt(s.Path(source), source)
		if err != nil {
			return err
		}
		archives = append(archives, found...)
	}
	return f.all(ctx, s, api, archives)
}

func (f *Load) standardInput(ctx context.Context, s *session.Session, api *client.Client) error {
	if _, isTerminal := session.Terminal(s.In); isTerminal {
		return errors.New("requested load from stdin, but stdin is empty")
	}
	// A plain os.File would be closed by the HTTP transport.
	in := &progress.Counter{R: io.NopCloser(s.In)}
	err := f.load(ctx, s, api, in)
	if err != nil && in.N == 0 && in.Ended {
		return errors.New("requested load from stdin, but stdin is empty")
	}
	return err
}

// all loads the archives one after another, and continues after one that fails.
func (f *Load) all(ctx context.Context, s *session.Session, api *client.Client, archives []archiveFile) error {
	failed := false
	for _, a := range archives {
		in, err := a.open()
		if err == nil {
			err = f.load(ctx, s, api, in)
			in.Close() // the transport has done so, unless it never began
		}
		switch {
		case err == nil:
			continue
		case len(archives) == 1 || ctx.Err() != nil:
			return session.UserPath(err, a.name)
		}
		failed = true
		s.Complain(fmt.Errorf("%s: %w", a.name, session.UserPath(err, a.name)))
	}
	return s.Partial(failed)
}

func (f *Load) load(ctx context.Context, s *session.Session, api *client.Client, in io.Reader) error {
	wanted, err := platformsJSON(f.Platform)
	if err != nil {
		return err
	}
	_, isTerminal := session.Terminal(s.Out)
	body, err := api.ImageLoad(ctx, in, f.Quiet || !isTerminal, wanted)
	if err != nil {
		return err
	}
	defer body.Close()
	return progress.ShowProgress(s, s.Out, body, nil)
}

// archiveFile is an archive of images on this host.
type archiveFile struct {
	name string // as the user typed it
	open func() (io.ReadCloser, error)
}

// archivesAt returns the archives that a path stands for: a file; a folder with an OCI layout or an unpacked archive;
// or else all archives in a folder, sorted by name.
func archivesAt(path, name string) ([]archiveFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, session.UserPath(&os.PathError{Op: "open", Path: path, Err: errors.Unwrap(err)}, name)
	}
	if !info.IsDir() {
		return []archiveFile{{name, func() (io.ReadCloser, error) { return os.Open(path) }}}, nil
	}
	for _, mark := range []string{"manifest.json", "index.json", "repositories"} {
		if info, err := os.Stat(filepath.Join(path, mark)); err == nil && info.Mode().IsRegular() {
			pack := func() (io.ReadCloser, error) {
				return archive.PipeTar(func(t *archive.TarWriter) error { return t.Tree(path, ".") }), nil
			}
			return []archiveFile{{name, pack}}, nil
		}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, session.UserPath(err, name)
	}
	var found []archiveFile
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && isArchiveName(e.Name()) {
			found = append(found, archiveFile{filepath.Join(name, e.Name()),
				func() (io.ReadCloser, error) { return os.Open(file) }})
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: the folder contains no archives of images (.tar, .tar.gz, .tgz, .tar.xz, .tar.zst, "+
			".tar.bz2)",
			name)
	}
	return found, nil
}

// isArchiveName recognises plain and compressed tar files by their names.
func isArchiveName(name string) bool {
	for _, end := range []string{".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar.bz2", ".tbz2"} {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return true
		}
	}
	return false
}
