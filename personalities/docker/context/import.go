package context

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"box/personalities/cmd"
	"box/personalities/docker/session"
)

// maxContextFile is the maximum size of a context in bytes, packed and unpacked, as in Docker.
const maxContextFile = 10 << 20

// Import is `docker context import`.
type Import struct{}

// Run implements session.Runner.
func (*Import) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	name, path := p.Args[0], p.Args[1]
	if err := session.CheckContextName(name); err != nil {
		return err
	}
	if s.Contexts().Has(name) {
		return fmt.Errorf("context %q already exists", name)
	}
	in := s.In
	if path != "-" {
		f, err := os.Open(s.Path(path))
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	c, files, err := unpackContext(in)
	if err != nil {
		return fmt.Errorf("import context %q: %w", name, err)
	}
	c.Name = name
	if err := s.Contexts().Put(c, files); err != nil {
		return err
	}
	return contextDone(s, name, "imported")
}

// unpackContext reads a tar that may be hostile. It accepts only the files of a context, and limits their size.
func unpackContext(in io.Reader) (*session.StoredContext, map[string][]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxContextFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > maxContextFile {
		return nil, nil, fmt.Errorf("it is longer than %d bytes", maxContextFile)
	}
	var c *session.StoredContext
	files := map[string][]byte{}
	room := int64(maxContextFile) // a hole of a sparse file takes no bytes of the tar
	for t := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("it is not a tar of a context: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if room -= h.Size; room < 0 {
			return nil, nil, fmt.Errorf("its files are longer than %d bytes", maxContextFile)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, nil, err
		}
		file, isTLS := strings.CutPrefix(name, "tls/docker/")
		switch {
		case h.Typeflag != tar.TypeReg:
			return nil, nil, fmt.Errorf("%s: a context contains only regular files", h.Name)
		case name == "meta.json" && c == nil:
			if c, err = session.ParseContext(data); err != nil {
				return nil, nil, fmt.Errorf("meta.json: %w", err)
			}
		case isTLS && isTLSName(file):
			files[file] = data
		case strings.HasPrefix(name, "tls/") && filepath.IsLocal(name): // of endpoints that this client does not have
		default:
			return nil, nil, fmt.Errorf("unexpected file %q", h.Name)
		}
	}
	if c == nil {
		return nil, nil, errors.New("invalid context: no metadata found")
	}
	return c, files, nil
}

func isTLSName(file string) bool {
	for _, n := range session.TLSNames() {
		if n == file {
			return true
		}
	}
	return false
}
