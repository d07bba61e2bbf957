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

func contextFlags(u *cmd.Usage, description *string, docker *[]string) {
	u.Flags = append(u.Flags,
		cmd.Flag{Value: description, Name: "description", Kind: "string", Help: "Description of the context"},
		cmd.Flag{Value: docker, Name: "docker", Kind: "stringToString", Help: "The daemon: host=..., ca=FILE, cert=FILE, key=FILE, skip-tls-verify=BOOL, from=CONTEXT"})
}

// dockerOptions are the values of --docker: pairs, several in one at commas.
func (s *session) dockerOptions(values []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range listed(values) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("invalid argument %q for \"--docker\" flag: %s must be formatted as key=value", strings.Join(values, ","), pair)
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
	if !s.flags.tls && !s.flags.tlsVerify {
		return e, files, nil
	}
	e.SkipTLSVerify = !s.flags.tlsVerify
	for name, path := range map[string]string{"ca.pem": s.flags.tlsCA, "cert.pem": s.flags.tlsCert, "key.pem": s.flags.tlsKey} {
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

func contextCreateCommand(u *cmd.Usage) action {
	description, from := "", ""
	var docker []string
	contextFlags(u, &description, &docker)
	u.Flags = append(u.Flags, cmd.Flag{Value: &from, Name: "from", Kind: "string", Help: "Make it from another context"})
	return func(_ context.Context, s *session, p *cmd.Parsed) error {
		name, store := p.Args[0], s.contexts()
		if err := checkContextName(name); err != nil {
			return err
		}
		if store.has(name) {
			return fmt.Errorf("context %q already exists", name)
		}
		options, err := s.dockerOptions(docker)
		if err != nil {
			return err
		}
		c := &storedContext{Name: name, Metadata: map[string]any{}}
		if len(options) == 0 {
			if from == "" {
				if from, err = s.currentContext(); err != nil {
					return err
				}
			}
			options["from"] = from
		}
		if from != "" && from != defaultContext {
			source, err := store.get(from)
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
		if description != "" {
			c.Metadata["Description"] = description
		}
		if err := store.put(c, files); err != nil {
			return err
		}
		return s.contextDone(name, "created")
	}
}

func (s *session) contextDone(name, what string) error {
	fmt.Fprintf(s.errw, "Successfully %s context %q\n", what, name)
	_, err := fmt.Fprintln(s.out, name)
	return err
}

func contextUpdateCommand(u *cmd.Usage) action {
	description := ""
	var docker []string
	contextFlags(u, &description, &docker)
	return func(_ context.Context, s *session, p *cmd.Parsed) error {
		name, store := p.Args[0], s.contexts()
		if err := checkContextName(name); err != nil {
			return err
		}
		c, err := store.get(name)
		if err != nil {
			return err
		}
		if p.Set("description") {
			c.Metadata["Description"] = description
		}
		var files map[string][]byte
		if p.Set("docker") {
			options, err := s.dockerOptions(docker)
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
}

func contextUseCommand(*cmd.Usage) action {
	return func(_ context.Context, s *session, p *cmd.Parsed) error {
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
}

func contextShowCommand(*cmd.Usage) action {
	return func(_ context.Context, s *session, _ *cmd.Parsed) error {
		name, err := s.currentContext()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, name)
		return err
	}
}

func contextRemoveCommand(u *cmd.Usage) action {
	force := false
	u.Flags = []cmd.Flag{{Value: &force, Name: "force", Short: "f", Help: "Also the one in use; no error for one that does not exist"}}
	return func(ctx context.Context, s *session, p *cmd.Parsed) error {
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
			if !force && !s.contexts().has(name) {
				return fmt.Errorf("context %q does not exist", name)
			}
			if name == current {
				if !force {
					return fmt.Errorf("context %q is in use, set -f flag to force remove", name)
				}
				if err := s.saveCurrent(""); err != nil {
					return err
				}
			}
			return s.contexts().remove(name)
		})
	}
}
