package context

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/docker/values"
	"box/personalities/outfile"
)

// Export is `docker context export`.
type Export struct{}

// Run implements session.Runner.
func (*Export) Run(_ context.Context, s *session.Session, p *cmd.Parsed) error {
	name := p.Args[0]
	_, stored, err := inspectContext(s, name)
	if err != nil {
		return err
	}
	_, files, err := endpointFrom(s, name)
	if err != nil {
		return err
	}
	raw, err := packContext(stored, files)
	if err != nil {
		return err
	}
	path := name + ".dockercontext"
	if len(p.Args) > 1 {
		path = p.Args[1]
	}
	if path == "-" {
		if _, is := session.Terminal(s.Out); is {
			return errors.New("cowardly refusing to export to a terminal, specify a file path")
		}
		_, err = s.Out.Write(raw)
		return err
	}
	if _, err := os.Lstat(s.Path(path)); err == nil {
		return fmt.Errorf("open %s: file exists", path)
	}
	if err := outfile.Replace(s.Path(path), raw, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "Written file %q\n", path)
	return nil
}

// packContext makes a tar in the format of Docker's `context export`.
func packContext(c *session.StoredContext, files map[string][]byte) ([]byte, error) {
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
	for _, name := range values.SortedKeys(files) {
		put("tls/docker/"+name, tar.TypeReg, 0o600, files[name])
	}
	return b.Bytes(), errors.Join(err, w.Close())
}
