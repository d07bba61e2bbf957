// Package top is `box top`: what hosts and their containers use and what is wrong with them, on the screen, and as
// tables, JSON and CSV for scripts.
package top

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"box/personalities/cmd"
	"box/personalities/docker/session"
	"box/personalities/top/hosts"
	"box/personalities/top/listing"
	"box/personalities/top/screen"
)

// Command is `box top` as a personality.
var Command = cmd.Command{Name: "top", Summary: summary, Main: run}

const summary = "Show and steer the containers of one or several hosts"

// options are the options of `box top`.
type options struct {
	Hosts     []string      `name:"host" short:"H" placeholder:"address" help:"Address of a daemon: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST; may be repeated"`
	Contexts  []string      `name:"context" short:"c" placeholder:"name" help:"Context of docker context; may be repeated"`
	All       bool          `name:"all-contexts" help:"Show the hosts of all contexts"`
	Config    string        `placeholder:"path" help:"Folder with the client's settings"`
	TLS       bool          `name:"tls" help:"Use TLS for addresses; --tlsverify implies it"`
	TLSCA     string        `name:"tlscacert" placeholder:"path" help:"Trust only certificates of this authority"`
	TLSCert   string        `name:"tlscert" placeholder:"path" help:"The client's certificate"`
	TLSKey    string        `name:"tlskey" placeholder:"path" help:"Key of the client's certificate"`
	TLSVerify bool          `name:"tlsverify" help:"Use TLS for addresses and check the daemon's certificate"`
	Once      bool          `help:"Print a table and stop, as without a terminal"`
	JSON      bool          `name:"json" help:"Print all numbers as JSON, a line for each host, and stop"`
	CSV       bool          `name:"csv" help:"Print the numbers as CSV, a line for each container, and stop"`
	Listen    string        `placeholder:"[host][:port]" help:"Serve the page there (default port 8080) until it is interrupted"`
	Token     string        `name:"listen-token" placeholder:"file" help:"File with a token; who shows it on the page may act, as who shows a client certificate"`
	Secure    bool          `name:"listen-tls" help:"Serve the page by TLS, and let act who has a client certificate"`
	OwnCA     string        `name:"listen-tlscacert" placeholder:"path" help:"Authority of those certificates (default ~/.docker/ca.pem); implies --listen-tls"`
	OwnCert   string        `name:"listen-tlscert" placeholder:"path" help:"Certificate of the page (default ~/.docker/server-cert.pem); implies --listen-tls"`
	OwnKey    string        `name:"listen-tlskey" placeholder:"path" help:"Its key (default ~/.docker/server-key.pem); implies --listen-tls"`
	Insecure  bool          `name:"insecure" help:"Serve the page to other hosts though there is no TLS"`
	Check     bool          `help:"Print what is wrong, and exit with 2 if something is"`
	Rules     string        `placeholder:"file" help:"File that says what is wrong, for --check, on the screen and on the page; with --listen, hosts are then always measured, and webhooks told"`
	Since     time.Duration `placeholder:"duration" help:"Print the history of the last 90s, 2h, ... of the containers named, or of the hosts"`
	Points    int           `default:"60" help:"Lines of a history"`
	Sort      string        `placeholder:"column" default:"cpu" help:"Column to sort by: ${columns}"`
	Reverse   bool          `short:"r" help:"Sort the other way round"`
	Filter    string        `short:"f" placeholder:"words" help:"Show the containers that have all words in name, image, state, health, ports, project or host"`
	Running   bool          `help:"Show no containers that do not run"`
	Timeout   time.Duration `default:"10s" help:"How long --once, --json, --csv and --since wait for an answer"`
}

func usage(o *options) *cmd.Usage {
	return &cmd.Usage{
		Path: "box top", Synopsis: "[OPTIONS] [CONTAINER...]", Summary: summary, Max: -1, Options: o,
		Detail: "Without -H or -c it looks at the daemon that docker would use. Daemons other than box are measured by " +
			"Docker's API. Where no daemon answers on this host, the control groups are read. Press ? on the screen for the " +
			"keys. A file for --rules has a line for each that is wrong: memory > 90% for 5m on web-*,db; cpu > 95% for 1h; " +
			"restarts > 3; unhealthy; stopped for 1m; disk full within 24h; disk > 95%; inodes > 95%; host memory > 95%; " +
			"host cpu > 95% for 1h; certificate ends within 14d; host gone; daemon gone; each with `not db` or `at edge*` " +
			"for all others and for some hosts.",
		Vars: map[string]string{"columns": strings.Join(listing.Names(), ", ")},
		Examples: []cmd.Line{
			{Text: "box top", Why: "Show the host on the screen"},
			{Text: "box top -c edge1 -c edge2 -H unix:///var/run/docker.sock", Why: "Show three hosts"},
			{Text: "box top --once --sort memory", Why: "Print a table for a mail, the largest first"},
			{Text: "box top --all-contexts --listen 0.0.0.0 --listen-tls", Why: "Serve the page of all hosts on port 8080"},
			{Text: "box top --all-contexts --check || mail -s trouble root", Why: "Tell of what is wrong, from cron"},
			{Text: "box top --json | jq .Set.Host.Files", Why: "Print all numbers for a program"},
			{Text: "box top --since 24h --csv web", Why: "Print what a container used yesterday"},
		},
		Files: []cmd.Line{{Text: "~/.docker/contexts", Why: "The contexts of docker context"}},
	}
}

// Pages returns the command's page of the manual.
func Pages() []*cmd.Usage { return []*cmd.Usage{usage(new(options))} }

// check refuses options that exclude each other.
func (o *options) check() error {
	switch {
	case o.JSON && o.CSV:
		return errors.New("--json and --csv exclude each other")
	case o.Listen == "" && (o.Secure || o.Insecure || o.Token != "" || o.OwnCA != "" || o.OwnCert != "" || o.OwnKey != ""):
		return errors.New("--listen-tls, --listen-token and --insecure are about the page of --listen ADDRESS")
	case o.Check && o.CSV:
		return errors.New("--check and --csv exclude each other")
	case o.Rules != "" && !o.Check && (o.Once || o.JSON || o.CSV || o.Since != 0):
		return errors.New("--rules is about --check, the screen and the page")
	case o.Since < 0:
		return fmt.Errorf("--since %v: the past is a positive duration", o.Since)
	case o.Points < 1:
		return fmt.Errorf("--points %d: at least one line", o.Points)
	case !slices.Contains(listing.Names(), o.Sort):
		text := fmt.Sprintf("--sort %s: no such column", o.Sort)
		if near := cmd.Nearest(o.Sort, listing.Names()); near != "" {
			text += ". Did you mean: " + near
		}
		return errors.New(text)
	}
	return nil
}

func run(ctx context.Context, env *cmd.Env) error {
	o := &options{}
	u := usage(o)
	p, err := cmd.Parse(u, env.Args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return &cmd.Exit{Code: 125, Err: fmt.Errorf("box top: %w", err)}
	}
	ctx, cancel := cmd.Interruptible(ctx)
	defer cancel()
	all, err := hosts.Open(env, o.which())
	if err != nil {
		return &cmd.Exit{Code: 1, Err: fmt.Errorf("box top: %w", err)}
	}
	defer func() {
		for _, h := range all {
			h.Close()
		}
	}()
	_, terminal := session.Terminal(env.Stdout)
	switch {
	case o.Listen != "":
		return o.serve(ctx, env, all)
	case o.Check:
		return o.printCheck(ctx, env, all)
	case o.Since > 0:
		return o.printHistory(ctx, env.Stdout, all, p.Args)
	case o.JSON || o.CSV || o.Once || !terminal:
		return o.printOnce(ctx, env, all, p.Args)
	}
	so := screen.Options{Sort: o.Sort, Reverse: o.Reverse, Running: o.Running,
		Filter: strings.Join(append([]string{o.Filter}, p.Args...), " ")}
	if o.Rules != "" {
		limits, err := o.rulesOf()
		if err != nil {
			return &cmd.Exit{Code: 125, Err: fmt.Errorf("box top: %w", err)}
		}
		so.Rules = &limits
	}
	return screen.Run(ctx, env, all, so)
}

func (o *options) which() hosts.Which {
	return hosts.Which{Hosts: o.Hosts, Contexts: o.Contexts, All: o.All, Config: o.Config, TLS: o.TLS,
		TLSVerify: o.TLSVerify, TLSCA: o.TLSCA, TLSCert: o.TLSCert, TLSKey: o.TLSKey}
}

// chosen tells whether a container is meant: by the filter, and by the names if there are any.
func (o *options) chosen(r listing.Row, names []string) bool {
	if o.Running && !r.Live() || !r.Matches(o.Filter) {
		return false
	}
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool {
		return r.Name == n || len(n) >= 4 && strings.HasPrefix(r.ID, n)
	})
}

// rows returns the containers of all hosts that are meant, sorted.
func (o *options) rows(states []hosts.State, names []string) (rows []listing.Row) {
	for _, s := range states {
		if s.Set == nil {
			continue
		}
		for i := range s.Set.Containers {
			r := listing.Row{Host: s.Name, Container: &s.Set.Containers[i], Now: s.Set.At}
			if o.chosen(r, names) {
				rows = append(rows, r)
			}
		}
	}
	by, _ := listing.Find(o.Sort) // checked
	listing.Sort(rows, by, o.Reverse)
	return rows
}
