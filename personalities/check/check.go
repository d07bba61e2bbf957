// Package check is `box check`: it tells whether this host can run containers and what will not work, with consequences
// and remedies. It undoes all changes that it makes for a test.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"box/engine/network"
	"box/personalities/cmd"
)

// Command checks the host and the daemon on it. The exit code is 1 if containers cannot run.
var Command = cmd.Command{Name: "check", Summary: summary, Main: run}

const summary = "Check whether this host can run containers, and the state of its daemon"

// host is the host to check; tests make their own.
type host struct {
	root     string // prefix of /proc, /sys and /dev
	dataRoot string
	socket   string // socket of the daemon
	certs    string // folder of certificates
	parser   string // parser of AppArmor profiles; "": that of the host
	uid      int
	now      time.Time
	network  func() network.Support
}

// grade says how bad a finding is.
type grade int

const (
	fine  grade = iota
	worse       // containers run, but something does not work
	fatal       // containers do not run
)

func (g grade) String() string { return [...]string{"ok", "warn", "FAIL"}[g] }

// finding is one line of the report.
type finding struct {
	grade       grade
	what        string // what was checked, and the result
	consequence string // of a problem
	remedy      string
}

// probe is one check.
type probe struct {
	name  string
	proc  bool // needs /proc
	looks func(host) []finding
}

// probes returns all checks in the order of the report.
func probes() []probe {
	return []probe{
		{"privilege", false, privilege}, {"proc", false, proc}, {"kernel", true, kernel}, {"namespaces", true, namespaces},
		{"control-groups", true, controlGroups}, {"seccomp", true, seccomp}, {"confinement", false, confinement},
		{"devices", false, devices}, {"storage", true, storage}, {"space", false, space}, {"network", true, networking},
		{"forwarding", true, forwarding}, {"clock", false, clock}, {"certificates", false, certificates},
		{"state", false, stateFile},
		{"daemon", false, daemon},
	}
}

// examination is the result of a probe.
type examination struct {
	name     string
	findings []finding
}

// examine runs all probes that work here.
func (h host) examine() (all []examination) {
	mounted := h.exists("proc/sys/kernel/osrelease")
	for _, p := range probes() {
		if !p.proc || mounted {
			all = append(all, examination{p.name, p.looks(h)})
		}
	}
	return all
}

// options are the options of `box check`.
type options struct {
	DataRoot string `default:"/var/lib/docker" help:"Data root of the daemon"`
	Socket   string `default:"/var/run/docker.sock" help:"Socket of the daemon"`
	JSON     bool   `name:"json" help:"Print the findings as JSON"`
}

func usage(o *options) *cmd.Usage {
	return &cmd.Usage{
		Path: "box check", Synopsis: "[OPTIONS]", Summary: summary,
		Detail:  "Each line is ok, warn (containers run, but something does not work) or FAIL (containers cannot run).",
		Options: o,
		Examples: []cmd.Line{
			{Text: "box check", Why: "Check before the first start, or if something does not work"},
			{Text: "box check --data-root /mnt/flash/docker", Why: "Check another disk"},
			{Text: "box check --json", Why: "Print JSON for a program; the exit code is 1 if containers cannot run"},
		},
		Files: []cmd.Line{
			{Text: "/var/lib/docker/box.db", Why: "The state, whose pages are checked"},
			{Text: "~/.docker/{ca,server-cert,cert}.pem", Why: "Certificates, whose end is checked"},
			{Text: "/var/run/docker.sock", Why: "The socket of the daemon that is asked"},
		},
	}
}

// Pages returns the command's page of the manual.
func Pages() []*cmd.Usage {
	return []*cmd.Usage{usage(new(options))}
}

func run(_ context.Context, env *cmd.Env) error {
	var o options
	u := usage(&o)
	_, err := cmd.Parse(u, env.Args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	h := host{root: "/", dataRoot: o.DataRoot, socket: o.Socket, certs: cmd.CertFolder(env.Getenv), uid: os.Getuid(),
		now: time.Now(), network: network.Probe}
	if !filepath.IsAbs(h.dataRoot) {
		h.dataRoot = filepath.Join(env.Dir, h.dataRoot)
	}
	if o.JSON {
		return h.reportJSON(env.Stdout)
	}
	return h.report(env.Stdout)
}

// reportJSON prints the findings as JSON. Like report, it returns an error if containers cannot run.
func (h host) reportJSON(w io.Writer) error {
	type object struct {
		Probe       string `json:"probe"`
		Grade       string `json:"grade"`
		Found       string `json:"found"`
		Consequence string `json:"consequence,omitempty"`
		Remedy      string `json:"remedy,omitempty"`
	}
	list, failed := []object{}, false
	for _, e := range h.examine() {
		for _, f := range e.findings {
			list = append(list, object{e.name, f.grade.String(), f.what, f.consequence, f.remedy})
			failed = failed || f.grade == fatal
		}
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(list); err != nil {
		return err
	}
	if failed {
		return &cmd.Exit{Code: 1}
	}
	return nil
}

// report prints all findings. It returns an error if containers cannot run.
func (h host) report(w io.Writer) error {
	failed, warned := 0, 0
	for _, e := range h.examine() {
		for _, f := range e.findings {
			fmt.Fprintf(w, "%-4s  %s\n", f.grade, f.what)
			if f.grade == fine {
				continue
			}
			fmt.Fprintf(w, "      result: %s\n      remedy: %s\n", f.consequence, f.remedy)
			if f.grade == fatal {
				failed++
			} else {
				warned++
			}
		}
	}
	switch {
	case failed > 0:
		fmt.Fprintf(w, "\nContainers cannot run here: see the lines with FAIL.\n")
		return &cmd.Exit{Code: 1}
	case warned > 0:
		fmt.Fprintf(w, "\nContainers can run here, with the limits above.\n")
	default:
		fmt.Fprintf(w, "\nContainers can run here.\n")
	}
	return nil
}

// ok returns a finding without a problem.
func ok(format string, args ...any) finding { return finding{what: fmt.Sprintf(format, args...)} }

// read returns the content of a file without surrounding space.
func (h host) read(path string) (string, error) {
	b, err := os.ReadFile(filepath.Join(h.root, path))
	return strings.TrimSpace(string(b)), err
}

func (h host) exists(path string) bool {
	_, err := os.Stat(filepath.Join(h.root, path))
	return err == nil
}
