// Package certs is `box certs`: the certificates with which clients reach a daemon over the network, one command each.
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

// Command is the personality.
var Command = cmd.Command{Name: "certs", Summary: "Make, renew, revoke and check the certificates of remote access", Main: run}

// session is one command line.
type session struct {
	env    *cmd.Env
	folder string
	force  bool
	pass   string // where the passphrase of the authority's key is
	now    func() time.Time
	words  []string // operands
	set    func(flag string) bool
}

// action carries out a command whose flags have been parsed.
type action func(ctx context.Context, s *session) error

// command is one row of the table; build adds its flags.
type command struct {
	name, synopsis, summary, detail string
	min, max                        int
	signs                           bool // opens the authority's key
	build                           func(s *session, u *cmd.Usage) action
	examples                        []cmd.Line
}

func commands() []command {
	return []command{
		{"init", "", "Make an authority, the daemon's pair and a first client's",
			"An authority that is there already, one that openssl made too, is kept: only what is missing is made.", 0, 0, true, initCommand, []cmd.Line{{Text: "box certs init --host box.example --serve", Why: "An authority and pairs, and a daemon that listens with them from its next start on"}}},
		{"server", "", "Make a pair for a daemon", "", 0, 0, true, serverCommand, []cmd.Line{{Text: "box certs server --host 10.0.0.7 --out other", Why: "A pair for another machine's daemon"}}},
		{"client", "NAME", "Make a pair for a client, in clients/NAME of the folder",
			"The folder that it prints is for DOCKER_CERT_PATH; a --bundle is for `docker context import NAME FILE`, and for tar.", 1, 1, true, clientCommand, []cmd.Line{{Text: "box certs client anna --bundle anna.tar", Why: "A client's pair as one file for docker context import"}}},
		{"renew", "[ca|server|client|NAME...]", "Make pairs anew for the same names; without a word all but the authority's", "", 0, -1, true, renewCommand, []cmd.Line{{Text: "box certs renew", Why: "All pairs anew; a running daemon takes them up within a second"}}},
		{"revoke", "NAME|FILE [NAME|FILE...]", "Take certificates back: the daemon refuses them within a second",
			"The list is crl.pem, beside the ca.pem that --tlscacert of dockerd names.", 1, -1, true, revokeCommand, []cmd.Line{{Text: "box certs revoke anna", Why: "Keep a client out from now on"}}},
		{"list", "", "List what the authority has signed", "", 0, 0, false, listCommand, []cmd.Line{{Text: "box certs list", Why: "Names, uses and ends of all that was signed"}}},
		{"show", "FILE [FILE...]", "Say what is in a file", "", 1, -1, false, showCommand, []cmd.Line{{Text: "box certs show cert.pem", Why: "What a file says"}}},
		{"status", "", "Say when what is in the folder ends; exit with 1 if something ends soon", "", 0, 0, false, statusCommand, []cmd.Line{{Text: "box certs status || mail -s certificates admin", Why: "A reminder before something ends"}}},
		{"check", "HOST:PORT", "Connect to a daemon and say what is wrong", "", 1, 1, false, checkCommand, []cmd.Line{{Text: "box certs check box.example:2376", Why: "What is wrong with a connection, in words"}}},
	}
}

// files are those of the folder, for the manual.
func files() []cmd.Line {
	return []cmd.Line{
		{Text: "~/.docker/ca.pem, ca-key.pem", Why: "The authority; its key is needed only to sign"},
		{Text: "~/.docker/server-cert.pem, server-key.pem", Why: "The daemon's pair"},
		{Text: "~/.docker/cert.pem, key.pem", Why: "The client's pair"},
		{Text: "~/.docker/clients/NAME/", Why: "Other clients' pairs, each a folder for DOCKER_CERT_PATH"},
		{Text: "~/.docker/issued.pem, crl.pem", Why: "All that was signed, and what was taken back"},
	}
}

// usage is the flags that a command has, and those that all have.
func (c *command) usage(s *session) (*cmd.Usage, action) {
	u := &cmd.Usage{Path: "box certs " + c.name, Synopsis: strings.TrimSpace("[OPTIONS] " + c.synopsis), Summary: c.summary, Detail: c.detail, Min: c.min, Max: c.max}
	act := c.build(s, u)
	u.Flags = append(u.Flags, cmd.Flag{Value: &s.folder, Name: "dir", Kind: "path", Help: "Folder of the certificates"})
	if c.signs {
		u.Flags = append(u.Flags, cmd.Flag{Value: &s.pass, Name: "passphrase", Kind: "source", Bare: "ask",
			Help: "Passphrase of the authority's key: bare it is asked for; =file:PATH and =env:NAME say where it is"})
	}
	return u, act
}

// Pages are the commands for the manual.
func Pages() []*cmd.Usage {
	var out []*cmd.Usage
	for _, c := range commands() {
		u, _ := c.usage(&session{folder: "~/.docker"})
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
	u, act := c.usage(s)
	p, err := cmd.Parse(u, args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(s.env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	s.words, s.set, s.folder = p.Args, p.Set, s.path(s.folder)
	if err := certs.ClockFault(s.now()); err != nil {
		fmt.Fprintln(s.env.Stderr, "WARNING:", err)
	}
	err = act(ctx, s)
	var exit *cmd.Exit
	if err == nil || errors.As(err, &exit) {
		return err
	}
	return &cmd.Exit{Code: 1, Err: fmt.Errorf("box certs %s: %w", c.name, err)}
}

func help(env *cmd.Env) {
	fmt.Fprintln(env.Stdout, "Usage:  box certs COMMAND\n\nMake, renew, revoke and check the certificates of remote access\n\nCommands:")
	for _, c := range commands() {
		fmt.Fprintf(env.Stdout, "  %-8s  %s\n", c.name, c.summary)
	}
	fmt.Fprintln(env.Stdout, "\nTwo lines make a daemon that only holders of a certificate reach:\n\n"+
		"  box certs init\n  box dockerd --tlsverify -H tcp://0.0.0.0:2376 -H unix:///var/run/docker.sock\n\nRun 'box certs COMMAND --help' for more.")
}

// path makes a path of the command line absolute.
func (s *session) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.env.Dir, p)
}

func (s *session) say(format string, a ...any) { fmt.Fprintf(s.env.Stdout, format+"\n", a...) }

// life is a flag of how long something lasts: 90d, 12h.
type life time.Duration

// Set reads it.
func (l *life) Set(text string) error {
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
