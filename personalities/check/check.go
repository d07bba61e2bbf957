// Package check is `box check`: whether this host can run containers, and what of it will not work, each with its
// consequence and the remedy. It changes nothing that it does not put back.
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

// Command examines the host, and the daemon that runs or ran here. Its exit code is 1 if a container cannot run.
var Command = cmd.Command{Name: "check", Summary: summary, Main: run}

const summary = "Say whether this host can run containers, and how its daemon is"

// host is what is examined; tests have their own.
type host struct {
	root     string // before /proc and /sys
	dataRoot string
	socket   string // of a daemon
	certs    string // folder of certificates
	parser   string // of AppArmor profiles, "" for the one that the host has
	uid      int
	now      time.Time
	network  func() network.Support
}

// grade says how bad a finding is.
type grade int

const (
	fine  grade = iota
	worse       // containers run, something of them does not work
	fatal       // no container runs
)

func (g grade) String() string { return [...]string{"ok", "warn", "FAIL"}[g] }

// finding is one line of the report.
type finding struct {
	grade       grade
	what        string // what was looked at and what it is
	consequence string // of what is missing
	remedy      string
}

// probe is one thing that is looked at.
type probe struct {
	name  string
	proc  bool // it reads /proc: without that nothing it would say is true
	looks func(host) []finding
}

// probes is everything that is looked at, in the order of the report.
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

// examination is what a probe found.
type examination struct {
	name     string
	findings []finding
}

// examine runs every probe that can tell anything here.
func (h host) examine() (all []examination) {
	mounted := h.exists("proc/sys/kernel/osrelease")
	for _, p := range probes() {
		if !p.proc || mounted {
			all = append(all, examination{p.name, p.looks(h)})
		}
	}
	return all
}

// options are those of `box check`.
type options struct {
	DataRoot string `default:"/var/lib/docker" help:"Where the daemon keeps images and containers"`
	Socket   string `default:"/var/run/docker.sock" help:"Where the daemon listens"`
	JSON     bool   `name:"json" help:"Print a list of findings for programs"`
}

func usage(o *options) *cmd.Usage {
	return &cmd.Usage{
		Path: "box check", Synopsis: "[OPTIONS]", Summary: summary,
		Detail:  "Each line is ok, warn (containers run, something of them does not work) or FAIL (no container runs).",
		Options: o,
		Examples: []cmd.Line{
			{Text: "box check", Why: "Before the first start, and when something does not work"},
			{Text: "box check --data-root /mnt/flash/docker", Why: "Whether another disk would do"},
			{Text: "box check --json", Why: "The same for a program; the exit code is 1 if a container cannot run"},
		},
		Files: []cmd.Line{
			{Text: "/var/lib/docker/box.db", Why: "The state, of which the pages are read"},
			{Text: "~/.docker/{ca,server-cert,cert}.pem", Why: "Certificates whose end is looked at"},
			{Text: "/var/run/docker.sock", Why: "Where a daemon is asked how it is"},
		},
	}
}

// Pages are the command's part of the manual.
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

// reportJSON prints the findings as a list of objects. Its error is that of report.
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

// report prints every finding and gives an error if a container cannot run.
func (h host) report(w io.Writer) error {
	failed, warned := 0, 0
	for _, e := range h.examine() {
		for _, f := range e.findings {
			fmt.Fprintf(w, "%-4s  %s\n", f.grade, f.what)
			if f.grade == fine {
				continue
			}
			fmt.Fprintf(w, "      so:     %s\n      remedy: %s\n", f.consequence, f.remedy)
			if f.grade == fatal {
				failed++
			} else {
				warned++
			}
		}
	}
	switch {
	case failed > 0:
		fmt.Fprintf(w, "\nNo container can run here: see the lines that say FAIL.\n")
		return &cmd.Exit{Code: 1}
	case warned > 0:
		fmt.Fprintf(w, "\nContainers can run here, with the limits above.\n")
	default:
		fmt.Fprintf(w, "\nContainers can run here.\n")
	}
	return nil
}

// ok is a finding with nothing to say about it.
func ok(format string, args ...any) finding { return finding{what: fmt.Sprintf(format, args...)} }

// read gives a file of the kernel's without the space around its text.
func (h host) read(path string) (string, error) {
	b, err := os.ReadFile(filepath.Join(h.root, path))
	return strings.TrimSpace(string(b)), err
}

func (h host) exists(path string) bool {
	_, err := os.Stat(filepath.Join(h.root, path))
	return err == nil
}
