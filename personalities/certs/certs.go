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
var Command = cmd.Command{Name: "certs", Summary: "Make, renew, revoke and check the certificates of remote access",
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
	Passphrase string `placeholder:"source" bare:"ask" help:"Passphrase of the authority's key: bare it is asked for; =file:PATH and =env:NAME say where it is"`
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
		{"init", "", "Make an authority, the daemon's pair and a first client's",
			"An authority that is there already, one that openssl made too, is kept: only what is missing is made.", 0,
			0, true, &initLine{}, []cmd.Line{{Text: "box certs init --host box.example --serve",
				Why: "An authority and pairs, and a daemon that listens with them from its next start on"}}},
		{"server", "", "Make a pair for a daemon", "", 0, 0, true, &serverLine{},
			[]cmd.Line{{Text: "box certs server --host 10.0.0.7 --out other",
				Why: "A pair for another machine's daemon"}}},
		{"client", "NAME", "Make a pair for a client, in clients/NAME of the folder",
			"The folder that it prints is for DOCKER_CERT_PATH; a --bundle is for `docker context import NAME FILE`, and for " +
				"tar.", 1, 1, true, &clientLine{},
			[]cmd.Line{{Text: "box certs client anna --bundle anna.tar",
				Why: "A client's pair as one file for docker context import"}}},
		{"renew", "[ca|server|client|NAME...]",
			"Make pairs anew for the same names; without a word all but the authority's", "", 0, -1, true, &renewLine{},
			[]cmd.Line{{Text: "box certs renew",
				Why: "All pairs anew; a running daemon takes them up within a second"}}},
		{"revoke", "NAME|FILE [NAME|FILE...]", "Take certificates back: the daemon refuses them within a second",
			"The list is crl.pem, beside the ca.pem that --tlscacert of dockerd names.", 1, -1, true, &revokeLine{},
			[]cmd.Line{{Text: "box certs revoke anna", Why: "Keep a client out from now on"}}},
		{"list", "", "List what the authority has signed", "", 0, 0, false, &listLine{},
			[]cmd.Line{{Text: "box certs list", Why: "Names, uses and ends of all that was signed"}}},
		{"show", "FILE [FILE...]", "Say what is in a file", "", 1, -1, false, &showLine{},
			[]cmd.Line{{Text: "box certs show cert.pem", Why: "What a file says"}}},
		{"status", "", "Say when what is in the folder ends; exit with 1 if something ends soon", "", 0, 0, false,
			&statusLine{}, []cmd.Line{{Text: "box certs status || mail -s certificates admin",
				Why: "A reminder before something ends"}}},
		{"check", "HOST:PORT", "Connect to a daemon and say what is wrong", "", 1, 1, false, &checkLine{},
			[]cmd.Line{{Text: "box certs check box.example:2376", Why: "What is wrong with a connection, in words"}}},
	}
}

// files lists the files in the folder, for the manual.
func files() []cmd.Line {
	return []cmd.Line{
		{Text: "~/.docker/ca.pem, ca-key.pem", Why: "The authority; its key is needed only to sign"},
		{Text: "~/.docker/server-cert.pem, server-key.pem", Why: "The daemon's pair"},
		{Text: "~/.docker/cert.pem, key.pem", Why: "The client's pair"},
		{Text: "~/.docker/clients/NAME/", Why: "Other clients' pairs, each a folder for DOCKER_CERT_PATH"},
		{Text: "~/.docker/issued.pem, crl.pem", Why: "All that was signed, and what was taken back"},
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
	text := fmt.Sprintf("box certs: there is no command %q.", env.Args[0])
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
	fmt.Fprintln(env.Stdout, "\nTwo lines make a daemon that only holders of a certificate reach:\n\n"+
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
			return fmt.Errorf("%q is no number of days up to 100000", days)
		}
		*l = life(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("give a number of days or hours: 90d, 12h")
	}
	*l = life(d)
	return nil
}
