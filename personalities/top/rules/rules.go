// Package rules is what an operator wants to be told of: limits in a small file, looked at against every measurement.
//
// A line is a rule, "#" begins a comment:
//
//	memory > 90% for 5m              # a container, of its limit or of the host; also cpu
//	restarts > 3                     # in an hour, by its policy
//	unhealthy for 1m
//	stopped                          # though its policy says that it runs, and not by hand
//	disk full within 24h             # of the data root, as it grew; also disk > 95%, inodes > 95%
//	certificate ends within 14d      # of the daemon
//	host memory > 95% for 10m        # also host cpu
//	host gone for 1m                 # nobody answers; daemon gone: the host does
//	memory > 60% on web-*,db at edge*  # of containers, and of hosts, with such names; "not" for all others
//	webhook https://example.org/hook # who else is told
//
// Evaluate is pure: what is wrong now, and since when, comes from what was, what is measured, and the time.
package rules

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a rule looks at, in the words of its line.
type Kind string

// The kinds of rules.
const (
	Memory      Kind = "memory"
	CPU         Kind = "cpu"
	Restarts    Kind = "restarts"
	Unhealthy   Kind = "unhealthy"
	Stopped     Kind = "stopped"
	Disk        Kind = "disk"
	Inodes      Kind = "inodes"
	DiskFull    Kind = "disk full"
	Certificate Kind = "certificate ends"
	HostMemory  Kind = "host memory"
	HostCPU     Kind = "host cpu"
	HostGone    Kind = "host gone"
	DaemonGone  Kind = "daemon gone"
)

// Rule is one line.
type Rule struct {
	Kind   Kind
	Over   float64       // a share for percent, else a number
	Within time.Duration // what is to come: the end of a disk or of a certificate
	For    time.Duration // how long it has to be so
	On     []string      // patterns of names of containers; none: all
	Not    []string      // patterns of those that it is not about
	At     []string      // patterns of names of hosts; none: all
}

// Rules are a file.
type Rules struct {
	Rules    []Rule
	Webhooks []string
}

// shape is what belongs to a kind.
type shape struct {
	percent, number, within bool
	container               bool // it is about containers
}

var shapes = map[Kind]shape{
	Memory: {percent: true, container: true}, CPU: {percent: true, container: true},
	Restarts: {number: true, container: true}, Unhealthy: {container: true}, Stopped: {container: true},
	Disk: {percent: true}, Inodes: {percent: true}, DiskFull: {within: true}, Certificate: {within: true},
	HostMemory: {percent: true}, HostCPU: {percent: true}, HostGone: {}, DaemonGone: {},
}

// Default is what is looked at where there is no file.
func Default() Rules {
	return Rules{Rules: []Rule{
		{Kind: Memory, Over: 0.9, For: 5 * time.Minute}, {Kind: Restarts, Over: 3}, {Kind: Unhealthy},
		{Kind: Stopped, For: time.Minute}, {Kind: DiskFull, Within: 24 * time.Hour}, {Kind: Disk, Over: 0.95},
		{Kind: Inodes, Over: 0.95}, {Kind: Certificate, Within: 14 * 24 * time.Hour},
		{Kind: HostGone}, {Kind: DaemonGone},
	}}
}

// String returns the line. Rules that mean the same have the same one.
func (r Rule) String() string {
	text := string(r.Kind)
	switch s := shapes[r.Kind]; {
	case s.percent:
		text += fmt.Sprintf(" > %s%%", number(r.Over*100))
	case s.number:
		text += fmt.Sprintf(" > %s", number(r.Over))
	case s.within:
		text += " within " + span(r.Within)
	}
	if r.For > 0 {
		text += " for " + span(r.For)
	}
	for _, part := range []struct {
		word     string
		patterns []string
	}{{"on", r.On}, {"not", r.Not}, {"at", r.At}} {
		if len(part.patterns) > 0 {
			text += " " + part.word + " " + strings.Join(part.patterns, ",")
		}
	}
	return text
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// span is a duration as it is written in a file.
func span(d time.Duration) string {
	for _, u := range units {
		if d%u.long == 0 {
			return fmt.Sprint(int64(d/u.long), u.name)
		}
	}
	return d.String()
}

// covers tells whether a rule is about a host, and about a container of it.
func (r *Rule) covers(host, container string) bool {
	if len(r.At) > 0 && !matches(r.At, host) {
		return false
	}
	return container == "" || (len(r.On) == 0 || matches(r.On, container)) && !matches(r.Not, container)
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}
