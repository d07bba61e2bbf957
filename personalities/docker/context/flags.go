// Package context is the commands about contexts, which are stored addresses of daemons with their TLS files.
package context

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"box/personalities/docker/session"
	"box/personalities/docker/values"
)

// contextFlags are the flags that create and update share.
type contextFlags struct {
	Description string   `help:"Description of the context"`
	Docker      []string `placeholder:"stringToString" help:"Address of the daemon: host=..., ca=FILE, cert=FILE, key=FILE, skip-tls-verify=BOOL, from=CONTEXT"`
}

// dockerOptions parses the values of --docker: KEY=VALUE pairs, separated by commas.
func dockerOptions(s *session.Session, words []string) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range values.Listed(words) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("invalid argument %q for \"--docker\" flag: %s must be formatted as key=value",
				strings.Join(words, ","), pair)
		}
		if !slices.Contains([]string{"host", "ca", "cert", "key", "skip-tls-verify", "from"}, key) {
			return nil, fmt.Errorf("unable to create docker endpoint config: unrecognized config key: %s", key)
		}
		out[key] = value
	}
	return out, nil
}

// endpointOf makes the endpoint that --docker describes, and reads its TLS files.
func endpointOf(s *session.Session, options map[string]string) (e session.DockerEndpoint, files map[string][]byte,
	err error) {
	if from, ok := options["from"]; ok {
		return endpointFrom(s, from)
	}
	e.Host = options["host"]
	if text, ok := options["skip-tls-verify"]; ok && text != "" {
		if e.SkipTLSVerify, err = strconv.ParseBool(text); err != nil {
			return e, nil, fmt.Errorf("unable to create docker endpoint config: skip-tls-verify: %w", err)
		}
	}
	files = map[string][]byte{}
	for _, name := range session.TLSNames() {
		path := options[strings.TrimSuffix(name, ".pem")]
		if path == "" {
			continue
		}
		if files[name], err = os.ReadFile(s.Path(path)); err != nil {
			return e, nil, fmt.Errorf("unable to create docker endpoint config: %w", err)
		}
	}
	return e, files, nil
}

// endpointFrom copies the endpoint of another context. That of the default context comes from flags and environment.
func endpointFrom(s *session.Session, name string) (e session.DockerEndpoint, files map[string][]byte, err error) {
	if name != session.DefaultContext {
		c, err := s.Contexts().Get(name)
		if err != nil {
			return e, nil, err
		}
		if e, err = c.Docker(); err != nil {
			return e, nil, err
		}
		files, err = s.Contexts().TLSFiles(name)
		return e, files, err
	}
	e, files = session.DockerEndpoint{Host: s.FlagHost()}, map[string][]byte{}
	if !s.Flags.TLS && !s.Flags.TLSVerify {
		return e, files, nil
	}
	e.SkipTLSVerify = !s.Flags.TLSVerify
	for name, path := range map[string]string{"ca.pem": s.Flags.TLSCA, "cert.pem": s.Flags.TLSCert,
		"key.pem": s.Flags.TLSKey} {
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

func contextDone(s *session.Session, name, what string) error {
	fmt.Fprintf(s.Err, "Successfully %s context %q\n", what, name)
	_, err := fmt.Fprintln(s.Out, name)
	return err
}
