package screen

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"box/personalities/top/hosts"
	"box/personalities/top/listing"
)

// problem is something that an operator would want to know first.
type problem struct {
	grave bool
	text  string
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

// problemsOf lists what is wrong with a host and its containers, the gravest first.
func problemsOf(s hosts.State, now time.Time) (list []problem) {
	add := func(grave bool, format string, args ...any) {
		list = append(list, problem{grave, fmt.Sprintf(format, args...)})
	}
	if s.Dead {
		add(true, "dead for %s", listing.Span(now.Sub(s.Since)))
	}
	if s.Set == nil {
		return list
	}
	for _, p := range hostProblems(s) {
		add(p.grave, "%s", p.text)
	}
	for i := range s.Set.Containers {
		r := listing.Row{Host: s.Name, Container: &s.Set.Containers[i], Now: s.Set.At}
		for _, p := range containerProblems(r) {
			add(p.grave, "%s %s", r.Name, p.text)
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

func hostProblems(s hosts.State) (list []problem) {
	h := &s.Set.Host
	add := func(grave bool, format string, args ...any) {
		list = append(list, problem{grave, fmt.Sprintf(format, args...)})
	}
	if f := dataFiles(h); f != nil && f.Total > 0 {
		free := float64(f.Available) / float64(f.Total)
		if d, ok := untilFull(f); ok && d < soonFull {
			add(true, "disk full in %s", listing.Span(d))
		} else if free < lowSpace {
			add(free < lowSpace/2, "disk %s free", listing.Percent(free))
		}
		if f.Inodes > 0 && float64(f.FreeInodes) < lowSpace*float64(f.Inodes) {
			add(true, "inodes %s free", listing.Percent(float64(f.FreeInodes)/float64(f.Inodes)))
		}
	}
	if share := memoryShare(h); share >= nearLimit {
		add(true, "host memory %s used", listing.Percent(share))
	}
	if left := h.CertEnds.Sub(s.Set.At); !h.CertEnds.IsZero() && left < certDays {
		if left <= 0 {
			add(true, "certificate has ended")
		} else {
			add(false, "certificate ends in %s", listing.Span(left))
		}
	}
	if h.Clock != "" {
		add(false, "%s", h.Clock)
	}
	for _, t := range h.Heat {
		if t.Celsius >= hot {
			add(true, "%s %.0f°C", t.Name, t.Celsius)
		}
	}
	for _, w := range h.Warnings {
		add(false, "%s", w)
	}
	return list
}

func containerProblems(r listing.Row) (list []problem) {
	add := func(grave bool, format string, args ...any) {
		list = append(list, problem{grave, fmt.Sprintf(format, args...)})
	}
	recent := !r.Ended.IsZero() && r.Now.Sub(r.Ended) < recentlyOver
	switch {
	case r.Exit.OOMKilled && recent:
		add(true, "OOM-killed %s ago", listing.Span(r.Now.Sub(r.Ended)))
	case r.Memory.OOMKills > 0:
		add(true, "%d OOM kills", r.Memory.OOMKills)
	case r.MemoryShare() >= nearLimit:
		add(true, "at %s of its memory", listing.Percent(r.MemoryShare()))
	case r.Memory.Failures > 0 && r.Live():
		add(false, "met its memory limit")
	}
	if r.Health == "unhealthy" && r.Live() {
		add(true, "unhealthy")
	}
	if r.RestartsHour > 0 {
		add(r.RestartsHour > 3, "restarted %d× in 1h", r.RestartsHour)
	}
	wanted := r.Policy == "always" || r.Policy == "unless-stopped" || r.Policy == "on-failure" && r.Exit.Code != 0
	switch {
	case r.State != "exited" || r.ByHand:
	case wanted:
		add(true, "stopped, but should run")
	case r.Exit.Code != 0 && !r.Exit.OOMKilled && recent:
		add(false, "exit %d", r.Exit.Code)
	}
	if r.Rate.Throttled >= heldBack {
		add(false, "throttled %s", listing.Percent(r.Rate.Throttled))
	}
	return list
}
