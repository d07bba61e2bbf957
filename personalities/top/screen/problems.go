package screen

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"box/personalities/top/hosts"
	"box/personalities/top/listing"
	"box/personalities/top/rules"
)

// problem is something that an operator would want to know first.
type problem struct {
	grave bool
	text  string
	kind  rules.Kind // of rules that say the same; "": there are none
}

// problems collects them.
type problems []problem

func (list *problems) add(grave bool, kind rules.Kind, format string, args ...any) {
	*list = append(*list, problem{grave, fmt.Sprintf(format, args...), kind})
}

const (
	nearLimit    = 0.9 // of the limit of memory
	lowSpace     = 0.1 // of a file system
	soonFull     = 24 * time.Hour
	certDays     = 14 * 24 * time.Hour
	hot          = 80.0 // degrees
	heldBack     = 0.25 // of the periods
	recentlyOver = 24 * time.Hour
)

// problems lists what is wrong with a host and its containers, the gravest first. What a file of rules says comes in
// the place of what this package finds of the same kind.
func (m *Model) problems(s hosts.State) (list problems) {
	if s.Dead {
		list.add(true, rules.DaemonGone, "dead for %s", listing.Span(m.now.Sub(s.Since)))
	}
	if s.Set != nil {
		list = append(list, hostProblems(s)...)
		for i := range s.Set.Containers {
			r := listing.Row{Host: s.Name, Container: &s.Set.Containers[i], Now: s.Set.At}
			for _, p := range containerProblems(r) {
				list.add(p.grave, p.kind, "%s %s", r.Name, p.text)
			}
		}
	}
	if m.rules != nil {
		list = slices.DeleteFunc(list, func(p problem) bool {
			return slices.ContainsFunc(m.rules.Rules, func(r rules.Rule) bool { return r.Kind == p.kind })
		})
		for _, a := range m.ruled.Alerts() {
			if a.Host == s.Name {
				list.add(true, "", "%s", a.Text)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b problem) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

func rank(p problem) int {
	if p.grave {
		return 0
	}
	return 1
}

func hostProblems(s hosts.State) (list problems) {
	h := &s.Set.Host
	if f := dataFiles(h); f != nil && f.Total > 0 {
		free := float64(f.Available) / float64(f.Total)
		if d, ok := untilFull(f); ok && d < soonFull {
			list.add(true, rules.DiskFull, "disk full in %s", listing.Span(d))
		} else if free < lowSpace {
			list.add(free < lowSpace/2, rules.Disk, "disk %s free", listing.Percent(free))
		}
		if f.Inodes > 0 && float64(f.FreeInodes) < lowSpace*float64(f.Inodes) {
			list.add(true, rules.Inodes, "inodes %s free", listing.Percent(float64(f.FreeInodes)/float64(f.Inodes)))
		}
	}
	if share := memoryShare(h); share >= nearLimit {
		list.add(true, rules.HostMemory, "host memory %s used", listing.Percent(share))
	}
	if left := h.CertEnds.Sub(s.Set.At); !h.CertEnds.IsZero() && left < certDays {
		if left <= 0 {
			list.add(true, rules.Certificate, "certificate has ended")
		} else {
			list.add(false, rules.Certificate, "certificate ends in %s", listing.Span(left))
		}
	}
	if h.Clock != "" {
		list.add(false, "", "%s", h.Clock)
	}
	for _, t := range h.Heat {
		if t.Celsius >= hot {
			list.add(true, "", "%s %.0f°C", t.Name, t.Celsius)
		}
	}
	for _, w := range h.Warnings {
		list.add(false, "", "%s", w)
	}
	return list
}

func containerProblems(r listing.Row) (list problems) {
	recent := !r.Ended.IsZero() && r.Now.Sub(r.Ended) < recentlyOver
	switch {
	case r.Exit.OOMKilled && recent:
		list.add(true, "", "OOM-killed %s ago", listing.Span(r.Now.Sub(r.Ended)))
	case r.Memory.OOMKills > 0:
		list.add(true, "", "%d OOM kills", r.Memory.OOMKills)
	case r.MemoryShare() >= nearLimit:
		list.add(true, rules.Memory, "at %s of its memory", listing.Percent(r.MemoryShare()))
	case r.Memory.Failures > 0 && r.Live():
		list.add(false, "", "met its memory limit")
	}
	if r.Health == "unhealthy" && r.Live() {
		list.add(true, rules.Unhealthy, "unhealthy")
	}
	if r.RestartsHour > 0 {
		list.add(r.RestartsHour > 3, rules.Restarts, "restarted %d× in 1h", r.RestartsHour)
	}
	wanted := r.Policy == "always" || r.Policy == "unless-stopped" || r.Policy == "on-failure" && r.Exit.Code != 0
	switch {
	case r.State != "exited" || r.ByHand:
	case wanted:
		list.add(true, rules.Stopped, "stopped, but should run")
	case r.Exit.Code != 0 && !r.Exit.OOMKilled && recent:
		list.add(false, "", "exit %d", r.Exit.Code)
	}
	if r.Rate.Throttled >= heldBack {
		list.add(false, "", "throttled %s", listing.Percent(r.Rate.Throttled))
	}
	return list
}

// View is what rules look at of a host.
func View(s hosts.State) rules.View {
	byKernel := s.Kind == hosts.Groups
	return rules.View{Host: s.Name, Set: s.Set, Dead: s.Dead && !byKernel, Daemon: !byKernel, Since: s.Since, Err: s.Err}
}

// judge looks at the hosts by the file of rules.
func (m *Model) judge() {
	if m.rules == nil {
		return
	}
	var views []rules.View
	for _, s := range m.states {
		if s.Set != nil || s.Dead {
			views = append(views, View(s))
		}
	}
	m.ruled, _ = m.rules.Evaluate(m.ruled, views, m.now)
}
