package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"box/personalities/cmd"
)

// contextFlags are those of create and update.
type contextFlags struct {
	Description string   `help:"Description of the context"`
	Docker      []string `placeholder:"stringToString" help:"The daemon: host=..., ca=FILE, cert=FILE, key=FILE, skip-tls-verify=BOOL, from=CONTEXT"`
}

// dockerOptions are the values of --docker: pairs, several in one at commas.
func (s *session) dockerOptions(words []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range listed(words) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("invalid argument %q for \"--docker\" flag: %s must be formatted as key=value", strings.Join(words, ","), pair)
		}
		if !slices.Contains([]string{"host", "ca", "cert", "key", "skip-tls-verify", "from"}, key) {
			return nil, fmt.Errorf("unable to create docker endpoint config: unrecognized config key: %s", key)
		}
		out[key] = value
	}
	return out, nil
}

// endpointOf makes the endpoint that --docker describes, with its TLS files.
func (s *session) endpointOf(options map[string]string) (e dockerEndpoint, files map[string][]byte, err error) {
	if from, ok := options["from"]; ok {
		return s.endpointFrom(from)
	}
	e.Host = options["host"]
	if text, ok := options["skip-tls-verify"]; ok && text != "" {
		if e.SkipTLSVerify, err = strconv.ParseBool(text); err != nil {
			return e, nil, fmt.Errorf("unable to create docker endpoint config: skip-tls-verify: %w", err)
		}
	}
	files = map[string][]byte{}
	for _, name := range tlsNames() {
		path := options[strings.TrimSuffix(name, ".pem")]
		if path == "" {
			continue
		}
		if files[name], err = os.ReadFile(s.path(path)); err != nil {
			return e, nil, fmt.Errorf("unable to create docker endpoint config: %w", err)
		}
	}
	return e, files, nil
}

// endpointFrom copies that of another context; the default one is what the flags and variables say.
func (s *session) endpointFrom(name string) (e dockerEndpoint, files map[string][]byte, err error) {
	if name != defaultContext {
		c, err := s.contexts().get(name)
		if err != nil {
			return e, nil, err
		}
		if e, err = c.docker(); err != nil {
			return e, nil, err
		}
		files, err = s.contexts().tlsFiles(name)
		return e, files, err
	}
	e, files = dockerEndpoint{Host: s.flagHost()}, map[string][]byte{}
	if !s.flags.TLS && !s.flags.TLSVerify {
		return e, files, nil
	}
	e.SkipTLSVerify = !s.flags.TLSVerify
	for name, path := range map[string]string{"ca.pem": s.flags.TLSCA, "cert.pem": s.flags.TLSCert, "key.pem": s.flags.TLSKey} {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return e, nil, err
		}
		files[name] = raw
	}
	return e, files, nil
}

// contextCreate is `docker context create`.
type contextCreate struct {
	contextFlags
	From string `help:"Make it from another context"`
}

func (f *contextCreate) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	name, store := p.Args[0], s.contexts()
	if err := checkContextName(name); err != nil {
		return err
	}
	if store.has(name) {
		return fmt.Errorf("context %q already exists", name)
	}
	options, err := s.dockerOptions(f.Docker)
	if err != nil {
		return err
	}
	c := &storedContext{Name: name, Metadata: map[string]any{}}
	if len(options) == 0 {
		if f.From == "" {
			if f.From, err = s.currentContext(); err != nil {
				return err
			}
		}
		options["from"] = f.From
	}
	if f.From != "" && f.From != defaultContext {
		source, err := store.get(f.From)
		if err != nil {
			return err
		}
		c.Metadata = source.Metadata
	}
	e, files, err := s.endpointOf(options)
	if err != nil {
		return err
	}
	c.setDocker(e)
	if f.Description != "" {
		c.Metadata["Description"] = f.Description
	}
	if err := store.put(c, files); err != nil {
		return err
	}
	return s.contextDone(name, "created")
}

func (s *session) contextDone(name, what string) error {
	fmt.Fprintf(s.errw, "Successfully %s context %q\n", what, name)
	_, err := fmt.Fprintln(s.out, name)
	return err
}

// contextUpdate is `docker context update`.
type contextUpdate struct {
	contextFlags
}

func (f *contextUpdate) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	name, store := p.Args[0], s.contexts()
	if err := checkContextName(name); err != nil {
		return err
	}
	c, err := store.get(name)
	if err != nil {
		return err
	}
	if p.Set("description") {
		c.Metadata["Description"] = f.Description
	}
	var files map[string][]byte
	if p.Set("docker") {
		options, err := s.dockerOptions(f.Docker)
		if err != nil {
			return err
		}
		e, given, err := s.endpointOf(options)
		if err != nil {
			return err
		}
		c.setDocker(e)
		files = given
	}
	if err := store.put(c, files); err != nil {
		return err
	}
	return s.contextDone(name, "updated")
}

// contextUse is `docker context use`.
type contextUse struct{}

func (*contextUse) Run(_ context.Context, s *session, p *cmd.Parsed) error {
	name := p.Args[0]
	if name != defaultContext {
		if err := checkContextName(name); err != nil {
			return err
		}
		if _, err := s.contexts().get(name); err != nil {
			return err
		}
	}
	if err := s.saveCurrent(name); err != nil {
		return err
	}
	fmt.Fprintln(s.out, name)
	fmt.Fprintf(s.errw, "Current context is now %q\n", name)
	if name != defaultContext && s.env.Getenv("DOCKER_HOST") != "" {
		fmt.Fprintf(s.errw, "Warning: DOCKER_HOST environment variable overrides the active context. To use %q, either set the global --context flag, or unset DOCKER_HOST environment variable.\n", name)
	}
	return nil
}

// contextShow is `docker context show`.
type contextShow struct{}

func (*contextShow) Run(_ context.Context, s *session, _ *cmd.Parsed) error {
	name, err := s.currentContext()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, name)
	return err
}

// contextRm is `docker context rm`.
type contextRm struct {
	Force bool `short:"f" help:"Also the one in use; no error for one that does not exist"`
}

func (c *contextRm) Run(ctx context.Context, s *session, p *cmd.Parsed) error {
	current, err := s.currentContext()
	if err != nil {
		return err
	}
	return s.each(ctx, p.Args, func(_ context.Context, name string) error {
		if name == defaultContext {
			return errors.New(`context "default" cannot be removed`)
		}
		if err := checkContextName(name); err != nil {
			return err
		}
		if !c.Force && !s.contexts().has(name) {
			return fmt.Errorf("context %q does not exist", name)
		}
		if name == current {
			if !c.Force {
				return fmt.Errorf("context %q is in use, set -f flag to force remove", name)
			}
			if err := s.saveCurrent(""); err != nil {
				return err
			}
		}
		return s.contexts().remove(name)
	})
}
