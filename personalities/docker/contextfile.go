package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"box/personalities/cmd"
	"box/personalities/outfile"
)

// maxContextFile is the longest file of a context that is read, as in Docker: bytes, of the whole and of each part.
const maxContextFile = 10 << 20

// contextInspect is `docker context inspect`.
type contextInspect struct {
	Format string `short:"f" help:"json, or a Go template"`
}

func (c *contextInspect) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	names := p.Args
	if len(names) == 0 {
		current, err := s.currentContext()
		if err != nil {
			return err
		}
		names = []string{current}
	}
	return s.inspect(names, c.Format, func(name string) (json.RawMessage, reflect.Type, error) {
		v, err := s.inspectContext(name)
		if err != nil {
			return nil, nil, err
		}
		raw, err := json.Marshal(v)
		return raw, reflect.TypeFor[contextInspection](), err
	})
}

// contextInspection is what `context inspect` prints, in Docker's order.
type contextInspection struct {
	Name        string
	Metadata    map[string]any
	Endpoints   map[string]json.RawMessage
	TLSMaterial map[string][]string
	Storage     map[string]string
}

func (s *session) inspectContext(name string) (*contextInspection, error) {
	store := s.contexts()
	v := &contextInspection{Name: name, TLSMaterial: map[string][]string{}, Storage: store.storage(name)}
	c := &storedContext{Name: name, Metadata: map[string]any{}}
	var files map[string][]byte
	if name == defaultContext {
		e, material, err := s.endpointFrom(name)
		if err != nil {
			return nil, err
		}
		c.setDocker(e)
		files = material
	} else {
		var err error
		if c, err = s.contexts().get(name); err != nil {
			return nil, err
		}
		if files, err = s.contexts().tlsFiles(name); err != nil {
			return nil, err
		}
	}
	v.Metadata, v.Endpoints = c.Metadata, c.Endpoints
	if len(files) > 0 {
		v.TLSMaterial["docker"] = sortedKeys(files)
	}
	return v, nil
}

// contextExport is `docker context export`.
type contextExport struct{}

func (*contextExport) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	name := p.Args[0]
	i, err := s.inspectContext(name)
	if err != nil {
		return err
	}
	_, files, err := s.endpointFrom(name)
	if err != nil {
		return err
	}
	raw, err := packContext(&storedContext{Name: name, Metadata: i.Metadata, Endpoints: i.Endpoints}, files)
	if err != nil {
		return err
	}
	path := name + ".dockercontext"
	if len(p.Args) > 1 {
		path = p.Args[1]
	}
	if path == "-" {
		if _, is := terminal(s.out); is {
			return errors.New("cowardly refusing to export to a terminal, specify a file path")
		}
		_, err = s.out.Write(raw)
		return err
	}
	if _, err := os.Lstat(s.path(path)); err == nil {
		return fmt.Errorf("open %s: file exists", path)
	}
	if err := outfile.Replace(s.path(path), raw, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(s.errw, "Written file %q\n", path)
	return nil
}

// packContext is the tar of Docker's `context export`.
func packContext(c *storedContext, files map[string][]byte) ([]byte, error) {
	meta, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, kind byte, mode int64, data []byte) {
		if err == nil {
			err = w.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: int64(len(data))})
		}
		if err == nil {
			_, err = w.Write(data)
		}
	}
	put("meta.json", tar.TypeReg, 0o644, meta)
	put("tls", tar.TypeDir, 0o700, nil)
	if len(files) > 0 {
		put("tls/docker", tar.TypeDir, 0o700, nil)
	}
	for _, name := range sortedKeys(files) {
		put("tls/docker/"+name, tar.TypeReg, 0o600, files[name])
	}
	return b.Bytes(), errors.Join(err, w.Close())
}

// contextImport is `docker context import`.
type contextImport struct{}

func (*contextImport) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	name, path := p.Args[0], p.Args[1]
	if err := checkContextName(name); err != nil {
		return err
	}
	if s.contexts().has(name) {
		return fmt.Errorf("context %q already exists", name)
	}
	in := s.in
	if path != "-" {
		f, err := os.Open(s.path(path))
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
	if err := s.contexts().put(c, files); err != nil {
		return err
	}
	return s.contextDone(name, "imported")
}

// unpackContext reads what somebody else packed: only the names that a context has, and no more of them than it can have.
func unpackContext(in io.Reader) (*storedContext, map[string][]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxContextFile+1))
	if err != nil {
		return nil, nil, err
	}
	if len(raw) > maxContextFile {
		return nil, nil, fmt.Errorf("it has more than %d bytes", maxContextFile)
	}
	var c *storedContext
	files := map[string][]byte{}
	room := int64(maxContextFile) // a hole of a sparse file takes no bytes of the tar
	for t := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("it is no tar of a context: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if room -= h.Size; room < 0 {
			return nil, nil, fmt.Errorf("its files have more than %d bytes", maxContextFile)
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return nil, nil, err
		}
		file, isTLS := strings.CutPrefix(name, "tls/docker/")
		switch {
		case h.Typeflag != tar.TypeReg:
			return nil, nil, fmt.Errorf("%s: only files belong to a context", h.Name)
		case name == "meta.json" && c == nil:
			if c, err = parseContext(data); err != nil {
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
	for _, n := range tlsNames() {
		if n == file {
			return true
		}
	}
	return false
}
