package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"

	"box/certs"
	"box/netapi/client"
	"box/personalities/outfile"
)

// defaultContext is the one that is not stored: the flags and variables of the command line.
const defaultContext = "default"

// contextNames is the rule of Docker's store.
const contextNames = `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`

// storedContext is contexts/meta/<sha256 of the name>/meta.json, in Docker's order. What box does not know is kept.
type storedContext struct {
	Name      string
	Metadata  map[string]any
	Endpoints map[string]json.RawMessage
}

// dockerEndpoint is the one endpoint that this client uses.
type dockerEndpoint struct {
	Host          string `json:",omitempty"`
	SkipTLSVerify bool
}

func (c *storedContext) docker() (e dockerEndpoint, err error) {
	raw, ok := c.Endpoints["docker"]
	if !ok {
		return e, fmt.Errorf("docker endpoint configuration is required")
	}
	err = json.Unmarshal(raw, &e)
	return e, err
}

func (c *storedContext) setDocker(e dockerEndpoint) {
	raw, _ := json.Marshal(e) // strings and booleans encode
	if c.Endpoints == nil {
		c.Endpoints = map[string]json.RawMessage{}
	}
	c.Endpoints["docker"] = raw
}

func (c *storedContext) description() string {
	text, _ := c.Metadata["Description"].(string)
	return text
}

// contextStore is the folder contexts of the client's settings.
type contextStore struct{ folder string }

func (s *session) contexts() contextStore {
	return contextStore{filepath.Join(s.flags.Config, "contexts")}
}

func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (t contextStore) meta(name string) string {
	return filepath.Join(t.folder, "meta", contextID(name))
}
func (t contextStore) tls(name string) string { return filepath.Join(t.folder, "tls", contextID(name)) }

// checkContextName refuses what Docker's store does not take.
func checkContextName(name string) error {
	if name == defaultContext {
		return errors.New(`"default" is a reserved context name`)
	}
	if !regexp.MustCompile(contextNames).MatchString(name) {
		return fmt.Errorf("context name %q is invalid, names are validated against regexp %q", name, contextNames)
	}
	return nil
}

func (t contextStore) has(name string) bool {
	_, err := os.Stat(filepath.Join(t.meta(name), "meta.json"))
	return err == nil
}

// get reads a context.
func (t contextStore) get(name string) (*storedContext, error) {
	raw, err := os.ReadFile(filepath.Join(t.meta(name), "meta.json"))
	if err != nil {
		return nil, fmt.Errorf("context %q: context not found: %w", name, err)
	}
	c, err := parseContext(raw)
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", name, err)
	}
	c.Name = name
	return c, nil
}

func parseContext(raw []byte) (*storedContext, error) {
	var c storedContext
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if c.Metadata == nil {
		c.Metadata = map[string]any{}
	}
	_, err := c.docker()
	return &c, err
}

// list is all names, sorted. Folders that hold no context are passed over.
func (t contextStore) list() ([]*storedContext, error) {
	entries, err := os.ReadDir(filepath.Join(t.folder, "meta"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []*storedContext
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(t.folder, "meta", e.Name(), "meta.json"))
		if err != nil {
			continue
		}
		c, err := parseContext(raw)
		if err != nil || contextID(c.Name) != e.Name() {
			continue
		}
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// put stores a context: its TLS files first, so that a context that can be seen is whole. nil files leave those that are there.
func (t contextStore) put(c *storedContext, files map[string][]byte) error {
	if files != nil {
		if err := t.putTLS(c.Name, files); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.meta(c.Name), 0o755); err != nil {
		return err
	}
	return outfile.Replace(filepath.Join(t.meta(c.Name), "meta.json"), raw, 0o644)
}

func (t contextStore) putTLS(name string, files map[string][]byte) error {
	old, err := t.tlsFiles(name)
	if err != nil {
		return err
	}
	var list []certs.File
	for file, data := range files {
		list = append(list, certs.File{Name: filepath.Join("docker", file), Mode: 0o600, Data: data})
	}
	if len(list) > 0 {
		if err := certs.Write(t.tls(name), true, list); err != nil {
			return err
		}
	}
	for file := range old {
		if _, stays := files[file]; !stays {
			err = errors.Join(err, os.Remove(filepath.Join(t.tls(name), "docker", file)))
		}
	}
	return err
}

// tlsNames are the files of an endpoint.
func tlsNames() []string { return []string{"ca.pem", "cert.pem", "key.pem"} }

// tlsFiles reads those that a context has.
func (t contextStore) tlsFiles(name string) (map[string][]byte, error) {
	if err := certs.Settle(t.tls(name)); err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, file := range tlsNames() {
		raw, err := os.ReadFile(filepath.Join(t.tls(name), "docker", file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[file] = raw
	}
	return out, nil
}

// remove deletes a context: what is seen of it first.
func (t contextStore) remove(name string) error {
	return errors.Join(os.RemoveAll(t.meta(name)), os.RemoveAll(t.tls(name)))
}

// currentContext is the name of the context that a command uses: -H, --context, DOCKER_HOST, DOCKER_CONTEXT, then `context use`.
func (s *session) currentContext() (string, error) {
	switch {
	case len(s.flags.Hosts) > 0:
		return defaultContext, nil
	case s.flags.Context != "":
		return s.flags.Context, nil
	case s.env.Getenv("DOCKER_HOST") != "":
		return defaultContext, nil
	case s.env.Getenv("DOCKER_CONTEXT") != "":
		return s.env.Getenv("DOCKER_CONTEXT"), nil
	}
	set, err := s.config()
	if err != nil {
		return "", err
	}
	if set.CurrentContext == "" {
		return defaultContext, nil
	}
	return set.CurrentContext, nil
}

// flagHost is the daemon of the default context.
func (s *session) flagHost() string {
	if len(s.flags.Hosts) > 0 {
		return s.flags.Hosts[0]
	}
	if host := s.env.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return client.DefaultHost
}
