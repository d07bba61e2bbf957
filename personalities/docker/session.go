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
	builtin    func(words string) bool
}

// globalFlags are those before the command's name.
type globalFlags struct {
	Config    string   `help:"Folder of the client's settings"`
	Context   string   `short:"c" help:"Stored context that names the daemon"`
	Debug     bool     `short:"D" help:"Print more when something fails"`
	Hosts     []string `name:"host" short:"H" help:"Daemon to talk to: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"`
	LogLevel  string   `short:"l" default:"info" help:"debug, info, warn, error or fatal"`
	TLS       bool     `help:"Use TLS; --tlsverify implies it"`
	TLSCA     string   `name:"tlscacert" help:"Trust certificates of this authority only"`
	TLSCert   string   `name:"tlscert" help:"The client's certificate"`
	TLSKey    string   `name:"tlskey" help:"Key of the client's certificate"`
	TLSVerify bool     `name:"tlsverify" help:"Use TLS and check the daemon's certificate"`
	Version   bool     `short:"v" help:"Print the version and stop"`
}

// newSession reads what the environment says. builtin tells whether words are a command of this client or begin one.
func newSession(env *cmd.Env, builtin func(words string) bool) *session {
	s := &session{env: env, builtin: builtin, in: env.Stdin, out: env.Stdout, errw: env.Stderr}
	s.flags = globalFlags{Config: cmd.ConfigFolder(env.Getenv)}
	certs := env.Getenv("DOCKER_CERT_PATH")
	if certs == "" {
		certs = s.flags.Config
	}
	s.flags.TLSCA, s.flags.TLSCert, s.flags.TLSKey = filepath.Join(certs, "ca.pem"), filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	s.flags.TLSVerify = env.Getenv("DOCKER_TLS_VERIFY") != ""
	s.flags.TLS = env.Getenv("DOCKER_TLS") != ""
	return s
}

// usage is the top of the command line: `docker [OPTIONS] COMMAND [ARG...]`.
func (s *session) usage() *cmd.Usage {
	return &cmd.Usage{Path: "docker", Synopsis: "[OPTIONS] COMMAND [ARG...]", Max: -1, First: true, Options: &s.flags}
}

func (f *globalFlags) check() error {
	switch f.LogLevel {
	case "trace", "debug", "info", "warn", "warning", "error", "fatal", "panic":
	default:
		return fmt.Errorf("Unable to parse logging level: %s", f.LogLevel)
	}
	if len(f.Hosts) > 1 {
		return errors.New("Failed to initialize: unable to resolve docker endpoint: Specify only one -H")
	}
	if len(f.Hosts) > 0 && f.Context != "" {
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
