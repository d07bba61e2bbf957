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

// settings is the part of config.json that the client uses. What it does not know is kept when it writes.
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

// StoredAuth is a registry's credentials as config.json keeps them: base64 of user:password.
type StoredAuth struct {
	Auth          string `json:"auth,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// Config reads config.json once; a missing one is empty.
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

// SaveAuths writes the credentials back.
func (s *Session) SaveAuths(auths map[string]StoredAuth) error {
	set, err := s.Config()
	if err != nil {
		return err
	}
	set.Auths = auths
	return s.saveSetting("auths", auths)
}

// SaveCurrent makes a context the one of later commands; the default one is not written.
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

// saveSetting writes one key of config.json, beside and by rename, and leaves every other as it was; nil takes the
// key out.
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

// Hub is the key of the default registry's credentials.
const Hub = "https://index.docker.io/v1/"

// Auth is the stored credentials for a registry, or none.
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

// checkAliases refuses aliases in the settings as Docker does: of its commands only builder may have one, and there
// it must not be one of the client's own. Programs that extend the client are not run, so that alias says nothing
// here.
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
