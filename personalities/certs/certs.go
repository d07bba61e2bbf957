// Package certs is `box certs`: commands for the certificates with which clients reach a daemon over the network.
package certs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"box/certs"
	"box/personalities/cmd"
)

// Command is `box certs` as a personality.
var Command = cmd.Command{Name: "certs", Summary: "Create, renew, revoke and check certificates for remote access",
	Main: run}

// session is one run of a command.
type session struct {
	env    *cmd.Env
	line   signing
	folder string // absolute path of --dir
	force  bool
	now    func() time.Time
	words  []string // operands
}

// shared are the flags of a command and those that all commands have.
type shared struct {
	Command line   `embed:""`
	Dir     string `placeholder:"path" help:"Folder of the certificates"`
}

// signing adds the flag of commands that use the authority's key.
type signing struct {
	shared
	Passphrase string `placeholder:"source" bare:"ask" help:"Passphrase of the authority's key: asked for without a value, or =file:PATH or =env:NAME"`
}

// line is the flags of a command, and the function that runs it.
type line interface {
	run(ctx context.Context, s *session) error
}

// command is a row of the table of commands.
type command struct {
	name, synopsis, summary, detail string
	min, max                        int
	signs                           bool // uses the authority's key
	line                            line
	examples                        []cmd.Line
}

func commands() []command {
	return []command{
		{"init", "", "Create an authority and the certificates of the daemon and a first client",
			"An existing authority is kept, also one made by openssl: only missing files are created.", 0,
			0, true, &initLine{}, []cmd.Line{{Text: "box certs init --host box.example --serve",
				Why: "Create everything, and make the daemon use it from its next start on"}}},
		{"server", "", "Create the certificate of a daemon", "", 0, 0, true, &serverLine{},
			[]cmd.Line{{Text: "box certs server --host 10.0.0.7 --out other",
				Why: "Create a certificate for the daemon of another host"}}},
		{"client", "NAME", "Create the certificate of a client in clients/NAME of the folder",
			"The printed folder is for DOCKER_CERT_PATH; a --bundle is for `docker context import NAME FILE`, or for " +
				"tar.", 1, 1, true, &clientLine{},
			[]cmd.Line{{Text: "box certs client anna --bundle anna.tar",
				Why: "Create a client's certificate as a file for docker context import"}}},
		{"renew", "[ca|server|client|NAME...]",
			"Renew certificates for the same names; without arguments all but the authority's", "", 0, -1, true, &renewLine{},
			[]cmd.Line{{Text: "box certs renew",
				Why: "Renew all; a running daemon uses them within a second"}}},
		{"revoke", "NAME|FILE [NAME|FILE...]", "Revoke certificates: the daemon refuses them within a second",
			"The list is crl.pem in the folder of ca.pem, the --tlscacert of dockerd.", 1, -1, true, &revokeLine{},
			[]cmd.Line{{Text: "box certs revoke anna", Why: "Lock out a client"}}},
		{"list", "", "List the certificates that the authority has signed", "", 0, 0, false, &listLine{},
			[]cmd.Line{{Text: "box certs list", Why: "Show names, uses and ends of certificates"}}},
		{"show", "FILE [FILE...]", "Describe the content of files", "", 1, -1, false, &showLine{},
			[]cmd.Line{{Text: "box certs show cert.pem", Why: "Describe a certificate"}}},
		{"status", "", "Show when the certificates in the folder end; exit with 1 if one ends soon", "", 0, 0, false,
			&statusLine{}, []cmd.Line{{Text: "box certs status || mail -s certificates admin",
				Why: "Send a reminder before a certificate ends"}}},
		{"check", "HOST:PORT", "Connect to a daemon and explain what is wrong", "", 1, 1, false, &checkLine{},
			[]cmd.Line{{Text: "box certs check box.example:2376", Why: "Find out why a connection fails"}}},
	}
}

// files lists the files in the folder, for the manual.
func files() []cmd.Line {
	return []cmd.Line{
		{Text: "~/.docker/ca.pem, ca-key.pem", Why: "The authority; its key is needed only for signing"},
		{Text: "~/.docker/server-cert.pem, server-key.pem", Why: "The daemon's certificate and key"},
		{Text: "~/.docker/cert.pem, key.pem", Why: "The client's certificate and key"},
		{Text: "~/.docker/clients/NAME/", Why: "Other clients, each with a folder for DOCKER_CERT_PATH"},
		{Text: "~/.docker/issued.pem, crl.pem", Why: "Signed and revoked certificates"},
	}
}

// usage describes the command line of the command.
func (c *command) usage(s *session) *cmd.Usage {
	u := &cmd.Usage{Path: "box certs " + c.name, Synopsis: strings.TrimSpace("[OPTIONS] " + c.synopsis),
		Summary: c.summary, Detail: c.detail,
		Min: c.min, Max: c.max, Options: &s.line.shared,
		Vars: map[string]string{"algorithms": strings.Join(certs.Algorithms(), ", "), "algorithm": certs.Algorithms()[0],
			"config": defaultConfig}}
	if c.signs {
		u.Options = &s.line
	}
	s.line.Command, s.line.Dir = c.line, s.folder
	return u
}

// Pages returns the manual pages of all commands.
func Pages() []*cmd.Usage {
	var out []*cmd.Usage
	for _, c := range commands() {
		u := c.usage(&session{folder: "~/.docker"})
		u.Examples, u.Files = c.examples, files()
		out = append(out, u)
	}
	return out
}

func run(ctx context.Context, env *cmd.Env) error {
	if len(env.Args) == 0 || env.Args[0] == "--help" || env.Args[0] == "-h" || env.Args[0] == "help" {
		help(env)
		return nil
	}
	for _, c := range commands() {
		if c.name == env.Args[0] {
			return c.run(ctx, &session{env: env, folder: cmd.CertFolder(env.Getenv), now: time.Now}, env.Args[1:])
		}
	}
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	text := fmt.Sprintf("box certs: unknown command %q.", env.Args[0])
	if near := cmd.Nearest(env.Args[0], names); near != "" {
		text += " Did you mean: box certs " + near
	}
	return &cmd.Exit{Code: 1, Err: errors.New(text)}
}

func (c *command) run(ctx context.Context, s *session, args []string) error {
	u := c.usage(s)
	p, err := cmd.Parse(u, args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(s.env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	s.words, s.folder = p.Args, s.path(s.line.Dir)
	if err := certs.ClockFault(s.now()); err != nil {
		fmt.Fprintln(s.env.Stderr, "WARNING:", err)
	}
	err = c.line.run(ctx, s)
	var exit *cmd.Exit
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("box certs %s: %w", c.name, err)}
}

func help(env *cmd.Env) {
	fmt.Fprintln(env.Stdout, "Usage:  box certs COMMAND\n\nMake, renew, revoke and check the certificates of remote "+
		"access\n\nCommands:")
	for _, c := range commands() {
		fmt.Fprintf(env.Stdout, "  %-8s  %s\n", c.name, c.summary)
	}
	fmt.Fprintln(env.Stdout, "\nWith two commands a daemon accepts only clients with a certificate:\n\n"+
		"  box certs init\n  box dockerd --tlsverify -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock\n\nRun 'box "+
		"certs COMMAND --help' for more.")
}

// path makes a path of the command line absolute.
func (s *session) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.env.Dir, p)
}

func (s *session) say(format string, a ...any) { fmt.Fprintf(s.env.Stdout, format+"\n", a...) }

// life is a flag with a duration: 90d, 12h.
type life time.Duration

// UnmarshalText parses a number of days, or a duration in Go's syntax.
func (l *life) UnmarshalText(raw []byte) error {
	text := string(raw)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int64
		if _, err := fmt.Sscanf(days+" ", "%d ", &n); err != nil || fmt.Sprint(n) != days || n < 0 || n > 100_000 {
			return fmt.Errorf("%q is not a number of days up to 100000", days)
		}
		*l = life(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("use a number of days or hours: 90d, 12h")
	}
	*l = life(d)
	return nil
}
