// Package check is `box check`: whether this host can run containers, and what of it will not work, each with its
// consequence and the remedy. It changes nothing that it does not put back.
package check

import (
	"context"
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

// Command examines the host. Its exit code is 1 if a container cannot run.
var Command = cmd.Command{Name: "check", Summary: "Say whether this host can run containers", Main: run}

// host is what is examined; tests have their own.
type host struct {
	root     string // before /proc and /sys
	dataRoot string
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

// probes is everything that is looked at, in the order of the report.
func probes() []func(host) []finding {
	return []func(host) []finding{privilege, kernel, namespaces, controlGroups, seccomp, confinement, storage, space, networking, forwarding, clock}
}

func run(_ context.Context, env *cmd.Env) error {
	h := host{root: "/", dataRoot: "/var/lib/docker", uid: os.Getuid(), now: time.Now(), network: network.Probe}
	u := &cmd.Usage{
		Path: "box check", Synopsis: "[OPTIONS]", Summary: "Say whether this host can run containers",
		Detail: "Each line is ok, warn (containers run, something of them does not work) or FAIL (no container runs).",
		Flags:  []cmd.Flag{{Value: &h.dataRoot, Name: "data-root", Kind: "string", Help: "Where the daemon will keep images and containers"}},
	}
	_, err := cmd.Parse(u, env.Args)
	if errors.Is(err, cmd.ErrHelp) {
		u.Help(env.Stdout)
		return nil
	}
	if err != nil {
		return err
	}
	if !filepath.IsAbs(h.dataRoot) {
		h.dataRoot = filepath.Join(env.Dir, h.dataRoot)
	}
	return h.report(env.Stdout)
}

// report prints every finding and gives an error if a container cannot run.
func (h host) report(w io.Writer) error {
	failed, warned := 0, 0
	for _, probe := range probes() {
		for _, f := range probe(h) {
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
