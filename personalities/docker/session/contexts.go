package session

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"box/certs"
	"box/netapi/client"
	"box/personalities/outfile"
)

// DefaultContext is the name of the context that is not stored: it stands for the flags and environment variables.
const DefaultContext = "default"

// contextNames is the pattern that Docker's store requires of names.
const contextNames = `^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$`

// StoredContext is the content of contexts/meta/<sha256 of the name>/meta.json. Unknown metadata and endpoints are kept
// when it is written.
type StoredContext struct {
	Name      string
	Metadata  map[string]any
	Endpoints map[string]json.RawMessage
}

// DockerEndpoint is the endpoint "docker" of a context, the only one that this client uses.
type DockerEndpoint struct {
	Host          string `json:",omitempty"`
	SkipTLSVerify bool
}

// Docker returns the endpoint of the daemon.
func (c *StoredContext) Docker() (e DockerEndpoint, err error) {
	raw, ok := c.Endpoints["docker"]
	if !ok {
		return e, fmt.Errorf("docker endpoint configuration is required")
	}
	err = json.Unmarshal(raw, &e)
	return e, err
}

// SetDocker sets the endpoint of the daemon.
func (c *StoredContext) SetDocker(e DockerEndpoint) {
	raw, _ := json.Marshal(e) // strings and booleans encode
	if c.Endpoints == nil {
		c.Endpoints = map[string]json.RawMessage{}
	}
	c.Endpoints["docker"] = raw
}

// Description returns the user's description of the context, or "".
func (c *StoredContext) Description() string {
	text, _ := c.Metadata["Description"].(string)
	return text
}

// ContextStore is the folder with the stored contexts.
type ContextStore struct{ folder string }

// Contexts returns the store in the folder of the client's settings.
func (s *Session) Contexts() ContextStore {
	return ContextStore{filepath.Join(s.Flags.Config, "contexts")}
}

func contextID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Meta returns the folder of a context's meta.json.
func (t ContextStore) Meta(name string) string {
	return filepath.Join(t.folder, "meta", contextID(name))
}

// TLS returns the folder of a context's TLS files.
func (t ContextStore) TLS(name string) string { return filepath.Join(t.folder, "tls", contextID(name)) }

// CheckContextName refuses names that Docker's store does not accept.
func CheckContextName(name string) error {
	if name == DefaultContext {
		return errors.New(`"default" is a reserved context name`)
	}
	if !regexp.MustCompile(contextNames).MatchString(name) {
		return fmt.Errorf("context name %q is invalid, names are validated against regexp %q", name, contextNames)
	}
	return nil
}

// Has tells whether a context is stored.
func (t ContextStore) Has(name string) bool {
	_, err := os.Stat(filepath.Join(t.Meta(name), "meta.json"))
	return err == nil
}

// Get reads a context.
func (t ContextStore) Get(name string) (*StoredContext, error) {
	raw, err := os.ReadFile(filepath.Join(t.Meta(name), "meta.json"))
	if err != nil {
		return nil, fmt.Errorf("context %q: context not found: %w", name, err)
	}
	c, err := ParseContext(raw)
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", name, err)
	}
	c.Name = name
	return c, nil
}

// ParseContext parses the content of meta.json.
func ParseContext(raw []byte) (*StoredContext, error) {
	var c StoredContext
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if c.Metadata == nil {
		c.Metadata = map[string]any{}
	}
	_, err := c.Docker()
	return &c, err
}

// List returns all contexts sorted by name. It skips folders that do not hold a valid context.
func (t ContextStore) List() ([]*StoredContext, error) {
	entries, err := os.ReadDir(filepath.Join(t.folder, "meta"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []*StoredContext
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(t.folder, "meta", e.Name(), "meta.json"))
		if err != nil {
			continue
		}
		c, err := ParseContext(raw)
		if err != nil || contextID(c.Name) != e.Name() {
			continue
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *StoredContext) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Put stores a context. It writes the TLS files first, so that a context is complete once it can be seen. If files is
// nil, existing TLS files are kept.
func (t ContextStore) Put(c *StoredContext, files map[string][]byte) error {
	if files != nil {
		if err := t.putTLS(c.Name, files); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(t.Meta(c.Name), 0o755); err != nil {
		return err
	}
	return outfile.Replace(filepath.Join(t.Meta(c.Name), "meta.json"), raw, 0o644)
}

func (t ContextStore) putTLS(name string, files map[string][]byte) error {
	old, err := t.TLSFiles(name)
	if err != nil {
		return err
	}
	var list []certs.File
	for file, data := range files {
		list = append(list, certs.File{Name: filepath.Join("docker", file), Mode: 0o600, Data: data})
	}
	if len(list) > 0 {
		if err := certs.Write(t.TLS(name), true, list); err != nil {
			return err
		}
	}
	for file := range old {
		if _, stays := files[file]; !stays {
			err = errors.Join(err, os.Remove(filepath.Join(t.TLS(name), "docker", file)))
		}
	}
	return err
}

// TLSNames returns the names of the TLS files of an endpoint.
func TLSNames() []string { return []string{"ca.pem", "cert.pem", "key.pem"} }

// TLSFiles reads the TLS files of a context that exist.
func (t ContextStore) TLSFiles(name string) (map[string][]byte, error) {
	if err := certs.Settle(t.TLS(name)); err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, file := range TLSNames() {
		raw, err := os.ReadFile(filepath.Join(t.TLS(name), "docker", file))
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

// Remove deletes a context; meta.json goes first, so that no incomplete context can be seen.
func (t ContextStore) Remove(name string) error {
	return errors.Join(os.RemoveAll(t.Meta(name)), os.RemoveAll(t.TLS(name)))
}

// CurrentContext returns the name of the context to use: from -H, --context, DOCKER_HOST, DOCKER_CONTEXT, or else from
// `context use`.
func (s *Session) CurrentContext() (string, error) {
	switch {
	case len(s.Flags.Hosts) > 0:
		return DefaultContext, nil
	case s.Flags.Context != "":
		return s.Flags.Context, nil
	case s.Env.Getenv("DOCKER_HOST") != "":
		return DefaultContext, nil
	case s.Env.Getenv("DOCKER_CONTEXT") != "":
		return s.Env.Getenv("DOCKER_CONTEXT"), nil
	}
	set, err := s.Config()
	if err != nil {
		return "", err
	}
	if set.CurrentContext == "" {
		return DefaultContext, nil
	}
	return set.CurrentContext, nil
}

// FlagHost returns the daemon's address of the default context.
func (s *Session) FlagHost() string {
	if len(s.Flags.Hosts) > 0 {
		return s.Flags.Hosts[0]
	}
	if host := s.Env.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return client.DefaultHost
}
