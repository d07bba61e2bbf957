// Package session is what all commands of the client share: streams, global options, settings, the selected daemon, and
// advice for errors.
package session

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

// Session is one run of the client: its streams, its global flags, and the connection to the daemon, which is made on
// first use.
type Session struct {
	Env        *cmd.Env
	In         io.Reader
	Out, Err   io.Writer
	Flags      globalFlags
	API        *client.Client
	settings   *settings
	Interrupts *interrupts
	builtin    func(words string) bool
	Away       func() // called when a request waits because the daemon has ended; nil: it is said on Err
}

// globalFlags are the flags before the name of the command.
type globalFlags struct {
	Config    string   `help:"Folder with the client's settings"`
	Context   string   `short:"c" help:"Context to use"`
	Debug     bool     `short:"D" help:"Enable debug mode"`
	Hosts     []string `name:"host" short:"H" help:"Address of the daemon: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"`
	LogLevel  string   `short:"l" default:"info" help:"Log level: debug, info, warn, error or fatal"`
	TLS       bool     `help:"Use TLS; --tlsverify implies it"`
	TLSCA     string   `name:"tlscacert" help:"Trust only certificates of this authority"`
	TLSCert   string   `name:"tlscert" help:"The client's certificate"`
	TLSKey    string   `name:"tlskey" help:"Key of the client's certificate"`
	TLSVerify bool     `name:"tlsverify" help:"Use TLS and check the daemon's certificate"`
	Version   bool     `short:"v" help:"Print the version and exit"`
}

// New makes a session with the flags that the environment sets. builtin tells whether words are a command of this
// client or the beginning of one.
func New(env *cmd.Env, builtin func(words string) bool) *Session {
	s := &Session{Env: env, builtin: builtin, In: env.Stdin, Out: env.Stdout, Err: env.Stderr}
	s.Flags = globalFlags{Config: cmd.ConfigFolder(env.Getenv)}
	certs := env.Getenv("DOCKER_CERT_PATH")
	if certs == "" {
		certs = s.Flags.Config
	}
	s.Flags.TLSCA, s.Flags.TLSCert, s.Flags.TLSKey = filepath.Join(certs, "ca.pem"), filepath.Join(certs,
		"cert.pem"), filepath.Join(certs, "key.pem")
	s.Flags.TLSVerify = env.Getenv("DOCKER_TLS_VERIFY") != ""
	s.Flags.TLS = env.Getenv("DOCKER_TLS") != ""
	return s
}

// Usage describes the command line up to the command: `docker [OPTIONS] COMMAND [ARG...]`.
func (s *Session) Usage() *cmd.Usage {
	return &cmd.Usage{Path: "docker", Synopsis: "[OPTIONS] COMMAND [ARG...]", Max: -1, First: true, Options: &s.Flags}
}

func (f *globalFlags) Check() error {
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

// Client returns the client of the daemon's API, which is made on first use.
func (s *Session) Client() (*client.Client, error) {
	if s.API != nil {
		return s.API, nil
	}
	host, secure, err := s.Resolve()
	if err != nil {
		return nil, err
	}
	o := client.Options{Host: host, TLS: secure, Version: s.Env.Getenv("DOCKER_API_VERSION"),
		UserAgent: "Docker-Client/" + cmd.DockerVersion() + " (linux)"}
	if o.Away = s.Away; o.Away == nil {
		o.Away = func() {
			fmt.Fprintln(s.Err, "Waiting for a daemon at "+host+", where the last one has stopped ...")
		}
	}
	if !strings.HasPrefix(host, "unix://") {
		o.Proxy = client.ProxyFrom(s.Env.Getenv)
	}
	if strings.HasPrefix(host, "ssh://") {
		if o.Dial, err = dialSSH(host, s.Env.Getenv); err != nil {
			return nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
		}
	}
	if o.Headers, err = s.headers(); err != nil {
		return nil, err
	}
	if s.API, err = client.New(o); err != nil {
		return nil, fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
	}
	return s.API, nil
}

func (s *Session) headers() (map[string]string, error) {
	set, err := s.Config()
	if err != nil {
		return nil, err
	}
	return set.HTTPHeaders, nil
}

// Close closes the connection to the daemon.
func (s *Session) Close() {
	if s.API != nil {
		s.API.Close()
	}
}

// Terminal returns the descriptor of a stream if it is a terminal.
func Terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile {
		return -1, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// Path makes a path from the command line absolute.
func (s *Session) Path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.Env.Dir, p)
}
