package session

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"box/netapi/wire"
	"box/personalities/outfile"
)

// settings are the keys of config.json that the client uses. Other keys are kept when the file is written.
type settings struct {
	Auths          map[string]StoredAuth `json:"auths,omitempty"`
	HTTPHeaders    map[string]string     `json:"HttpHeaders,omitempty"`
	CurrentContext string                `json:"currentContext,omitempty"`
	DetachKeys     string                `json:"detachKeys,omitempty"`
	Proxies        map[string]proxies    `json:"proxies,omitempty"` // by the daemon's address, or "default"
	Aliases        map[string]string     `json:"aliases,omitempty"`
	Formats        map[string]string     `json:"-"` // psFormat, imagesFormat, ...
	rest           map[string]json.RawMessage
}

// StoredAuth is the credentials for a registry in config.json. Auth is user:password in base64.
type StoredAuth struct {
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// Config reads config.json once. A file that does not exist counts as empty.
func (s *Session) Config() (*settings, error) {
	if s.settings != nil {
		return s.settings, nil
	}
	set := &settings{rest: map[string]json.RawMessage{}, Formats: map[string]string{}}
	path := filepath.Join(s.Flags.Config, "config.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) {
		s.settings = set
		return set, nil
	}
	if err == nil && len(raw) > 0 {
		err = errors.Join(json.Unmarshal(raw, set), json.Unmarshal(raw, &set.rest))
	}
	if err != nil {
		return nil, fmt.Errorf("read the client's settings %s: %w", path, err)
	}
	if set.rest == nil {
		set.rest = map[string]json.RawMessage{} // the file is null
	}
	if err := s.checkAliases(set.Aliases); err != nil {
		return nil, err
	}
	for key, value := range set.rest {
		var format string
		if strings.HasSuffix(key, "Format") && json.Unmarshal(value, &format) == nil {
			set.Formats[key] = format
		}
	}
	s.settings = set
	return set, nil
}

// SaveAuths writes the credentials to config.json.
func (s *Session) SaveAuths(auths map[string]StoredAuth) error {
	set, err := s.Config()
	if err != nil {
		return err
	}
	set.Auths = auths
	return s.saveSetting("auths", auths)
}

// SaveCurrent makes a context the current one for later commands. The default context is stored as none.
func (s *Session) SaveCurrent(name string) error {
	set, err := s.Config()
	if err != nil {
		return err
	}
	if name == DefaultContext {
		name = ""
	}
	set.CurrentContext = name
	if name == "" {
		return s.saveSetting("currentContext", nil)
	}
	return s.saveSetting("currentContext", name)
}

// saveSetting replaces one key of config.json, or removes it if value is nil. Other keys stay as they are, and the file
// is replaced atomically.
func (s *Session) saveSetting(key string, value any) error {
	set, err := s.Config()
	if err != nil {
		return err
	}
	delete(set.rest, key)
	if value != nil {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		set.rest[key] = raw
	}
	out, err := json.MarshalIndent(set.rest, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.Flags.Config, 0o700); err != nil {
		return fmt.Errorf("make the folder of the client's settings: %w", err)
	}
	return outfile.Replace(filepath.Join(s.Flags.Config, "config.json"), out, 0o600)
}

// Hub is the key for the credentials of the default registry.
const Hub = "https://index.docker.io/v1/"

// Auth returns the stored credentials for a registry, which may be empty.
func (s *Session) Auth(registry string) wire.Auth {
	set, err := s.Config()
	if err != nil {
		return wire.Auth{}
	}
	key := registry
	if registry == "docker.io" || registry == "index.docker.io" {
		key = Hub
	}
	stored, ok := set.Auths[key]
	if !ok {
		return wire.Auth{}
	}
	a := wire.Auth{ServerAddress: key, IdentityToken: stored.IdentityToken, RegistryToken: stored.RegistryToken}
	if raw, err := base64.StdEncoding.DecodeString(stored.Auth); err == nil {
		a.Username, a.Password, _ = strings.Cut(strings.TrimRight(string(raw), "\x00"), ":")
	}
	return a
}

// checkAliases refuses the aliases in the settings that Docker refuses: only builder may have one, and not to a command
// of the client itself. An accepted alias has no effect here, because the client runs no plugins.
func (s *Session) checkAliases(aliases map[string]string) error {
	for name, target := range aliases {
		if name != "builder" {
			return fmt.Errorf("not allowed to alias %q (allowed: %#v)", name, map[string]struct{}{"builder": {}})
		}
		if s.builtin(target) {
			return fmt.Errorf("not allowed to alias with builtin %q as target", target)
		}
	}
	return nil
}
