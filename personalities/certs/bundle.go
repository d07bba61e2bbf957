package certs

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"box/certs"
	"box/personalities/outfile"
)

// bundle writes the daemon's address and a client's three files to one file, in the format of `docker context export`.
func (s *session) bundle(a *certs.Authority, p *certs.Pair, path, name, description, host string) error {
	if !s.force && exists(path) {
		return fmt.Errorf("%s: %w: nothing was written; --force overwrites it", path, fs.ErrExist)
	}
	if host == "" {
		host = "tcp://" + certs.LocalHosts()[0] + ":2376"
	}
	ca, err := a.Public()
	if err != nil {
		return err
	}
	metadata := map[string]string{}
	if description != "" {
		metadata["Description"] = description
	}
	meta, err := json.Marshal(map[string]any{"Name": name, "Metadata": metadata,
		"Endpoints": map[string]any{"docker": map[string]any{"Host": host, "SkipTLSVerify": false}}})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, mode int64, data []byte) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data)),
			ModTime: s.now().Truncate(time.Second)}
		if data == nil {
			h.Typeflag = tar.TypeDir
		}
		if err == nil {
			err = w.WriteHeader(h)
		}
		if err == nil {
			_, err = w.Write(data)
		}
	}
	put("meta.json", 0o644, meta)
	put("tls/", 0o700, nil)
	put("tls/docker/", 0o700, nil)
	put("tls/docker/ca.pem", 0o600, ca.Data)
	put("tls/docker/cert.pem", 0o600, p.Cert)
	put("tls/docker/key.pem", 0o600, p.Key)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return err
	}
	if err := s.write(a, nil, false, false, p); err != nil {
		return err
	}
	// The folder may be one of everybody's: certs.Write would put what it finds there in place.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := outfile.Replace(path, b.Bytes(), 0o400); err != nil {
		return err
	}
	s.say("%s: docker context import %s %s", path, name, filepath.Base(path))
	return nil
}
