package docker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"box/netapi/client"
	"box/personalities/cmd"
)

// session is one command line: the streams, the global flags, and the connection once something needs it.
type session struct {
	env        *cmd.Env
	in         io.Reader
	out, errw  io.Writer
	flags      globalFlags
	api        *client.Client
	settings   *settings
	interrupts *interrupts
}

// globalFlags are those before the command's name.
type globalFlags struct {
	config, context, logLevel string
	hosts                     []string
	debug, version            bool
	tls, tlsVerify            bool
	tlsCA, tlsCert, tlsKey    string
}

func newSession(env *cmd.Env) *session {
	s := &session{env: env, in: env.Stdin, out: env.Stdout, errw: env.Stderr}
	s.flags = globalFlags{logLevel: "info", config: cmd.ConfigFolder(env.Getenv)}
	certs := env.Getenv("DOCKER_CERT_PATH")
	if certs == "" {
		certs = s.flags.config
	}
	s.flags.tlsCA, s.flags.tlsCert, s.flags.tlsKey = filepath.Join(certs, "ca.pem"), filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	s.flags.tlsVerify = env.Getenv("DOCKER_TLS_VERIFY") != ""
	s.flags.tls = env.Getenv("DOCKER_TLS") != ""
	return s
}

// usage is the top of the command line: `docker [OPTIONS] COMMAND [ARG...]`.
func (s *session) usage() *cmd.Usage {
	f := &s.flags
	return &cmd.Usage{
		Path: "docker", Synopsis: "[OPTIONS] COMMAND [ARG...]", Max: -1, First: true,
		Flags: []cmd.Flag{
			{Value: &f.config, Name: "config", Help: "Folder of the client's settings"},
			{Value: &f.context, Name: "context", Short: "c", Help: "Stored context that names the daemon"},
			{Value: &f.debug, Name: "debug", Short: "D", Help: "Print more when something fails"},
			{Value: &f.hosts, Name: "host", Short: "H", Help: "Daemon to talk to: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"},
			{Value: &f.logLevel, Name: "log-level", Short: "l", Help: "debug, info, warn, error or fatal"},
			{Value: &f.tls, Name: "tls", Help: "Use TLS; --tlsverify implies it"},
			{Value: &f.tlsCA, Name: "tlscacert", Help: "Trust certificates of this authority only"},
			{Value: &f.tlsCert, Name: "tlscert", Help: "The client's certificate"},
			{Value: &f.tlsKey, Name: "tlskey", Help: "Key of the client's certificate"},
			{Value: &f.tlsVerify, Name: "tlsverify", Help: "Use TLS and check the daemon's certificate"},
			{Value: &f.version, Name: "version", Short: "v", Help: "Print the version and stop"},
		},
	}
}

func (f *globalFlags) check() error {
	switch f.logLevel {
	case "trace", "debug", "info", "warn", "warning", "error", "fatal", "panic":
	default:
		return fmt.Errorf("Unable to parse logging level: %s", f.logLevel)
	}
	if len(f.hosts) > 1 {
		return errors.New("Failed to initialize: unable to resolve docker endpoint: Specify only one -H")
	}
	if len(f.hosts) > 0 && f.context != "" {
		return errors.New("conflicting options: cannot specify both --host and --context")
	}
	return nil
}

// client returns the connection to the daemon; it is made on first use.
func (s *session) client() (*client.Client, error) {
	if s.api != nil {
		return s.api, nil
	}
	host, secure, err := s.resolve()
	if err != nil {
		return nil, err
	}
	o := client.Options{Host: host, TLS: secure, Version: s.env.Getenv("DOCKER_API_VERSION"), UserAgent: "Docker-Client/" + cmd.DockerVersion() + " (linux)"}
	o.Away = func() {
		fmt.Fprintln(s.errw, "Waiting for the next daemon at "+host+", where the last one has ended ...")
	}
	if !strings.HasPrefix(host, "unix://") {
		o.Proxy = client.ProxyFrom(s.env.Getenv)
	}
	if strings.HasPrefix(host, "ssh://") {
		if o.Dial, err = dialSSH(host, s.env.Getenv); err != nil {
			return nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
		}
	}
	if o.Headers, err = s.headers(); err != nil {
		return nil, err
	}
	if s.api, err = client.New(o); err != nil {
		return nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
	}
	return s.api, nil
}

func (s *session) headers() (map[string]string, error) {
	set, err := s.config()
	if err != nil {
		return nil, err
	}
	return set.HTTPHeaders, nil
}

func (s *session) close() {
	if s.api != nil {
		s.api.Close()
	}
}

// terminal is the descriptor of a stream that is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile {
		return -1, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// path makes a path of the command line absolute.
func (s *session) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.env.Dir, p)
}
