package certs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"box/certs"
	"box/personalities/outfile"
)

// Addresses of a daemon that serves other machines.
const (
	localHost  = "unix:///var/run/docker.sock"
	secureHost = "tcp://0.0.0.0:2376"
)

// defaultConfig is the daemon's default configuration file.
const defaultConfig = "/etc/docker/daemon.json"

// maxConfig is the maximum size of daemon.json in bytes.
const maxConfig = 1 << 20

// serve adds the TLS listener and the paths of its files to daemon.json. It keeps all other keys and their order, and
// replaces the file atomically.
func (s *session) serve(path string) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := os.FileMode(0o644)
	raw, err := os.ReadFile(path)
	if err == nil {
		var st os.FileInfo
		if st, err = os.Stat(path); err == nil {
			mode = st.Mode().Perm()
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	config, err := readObject(raw)
	if err == nil {
		err = config.listen(s.folder)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := outfile.Replace(path, config.write(), mode); err != nil {
		return err
	}
	s.say("%s: the daemon listens on %s from its next start on", path, secureHost)
	return nil
}

// member is a key of an object and its value.
type member struct {
	key   string
	value json.RawMessage
}

// object is a JSON object that keeps the order of its keys.
type object []member

// readObject parses a file. An empty file is an empty object.
func readObject(raw []byte) (object, error) {
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	if len(raw) == 0 {
		return nil, nil
	}
	if len(raw) > maxConfig {
		return nil, fmt.Errorf("longer than %d bytes", maxConfig)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("it is not a JSON object"), err)
	}
	var o object
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{key: fmt.Sprint(t)}
		if o.find(m.key) != nil {
			return nil, fmt.Errorf("the key %s is given twice", m.key)
		}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		o = append(o, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("unexpected content after the object")
	}
	return o, nil
}

func (o object) find(key string) *member {
	for i := range o {
		if o[i].key == key {
			return &o[i]
		}
	}
	return nil
}

func (o *object) set(key string, value any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if m := o.find(key); m != nil {
		m.value = raw
	} else {
		*o = append(*o, member{key, raw})
	}
	return nil
}

// listen sets the keys with which a daemon serves with the files in folder.
func (o *object) listen(folder string) error {
	hosts := []string{localHost}
	if m := o.find("hosts"); m != nil {
		if err := json.Unmarshal(m.value, &hosts); err != nil {
			return fmt.Errorf("hosts: %w", err)
		}
	}
	secure := func(h string) bool { return strings.HasPrefix(h, "tcp://") && strings.HasSuffix(h, ":2376") }
	if !slices.ContainsFunc(hosts, secure) {
		hosts = append(hosts, secureHost)
	}
	err := o.set("hosts", hosts)
	if m := o.find("tls"); m != nil { // tls may be false
		err = errors.Join(err, o.set("tls", true))
	}
	return errors.Join(err, o.set("tlsverify", true), o.set("tlscacert", filepath.Join(folder, certs.CAFile)),
		o.set("tlscert", filepath.Join(folder, certs.ServerFile)), o.set("tlskey",
			filepath.Join(folder, certs.ServerKeyFile)))
}

// write formats the object as a file.
func (o object) write() []byte {
	var flat, out bytes.Buffer
	for i, m := range o {
		key, _ := json.Marshal(m.key) // a string always can be
		flat.WriteByte("{,"[min(i, 1)])
		flat.Write(key)
		flat.WriteByte(':')
		flat.Write(m.value)
	}
	flat.WriteByte('}')
	flat.WriteByte('\n')
	if json.Indent(&out, flat.Bytes(), "", "  ") != nil {
		return flat.Bytes()
	}
	return out.Bytes()
}
