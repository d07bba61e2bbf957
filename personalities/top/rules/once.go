package rules

import (
	"slices"
	"time"

	"box/engine/stats/sample"
)

// Past returns the history of a series of a host between two moments.
type Past func(host, series string, from, to time.Time) sample.History

// Once tells what is wrong at one moment, without a state of before. That something has lasted is taken from the
// history, where there is one of it; else what is so now has lasted.
func (all Rules) Once(views []View, now time.Time, past Past) []Alert {
	for i := range views {
		views[i].Past = past(views[i].Host, "host", now.Add(-windows[len(windows)-1]), now)
	}
	var wrong []Alert
	for _, r := range all.Rules {
		at := r
		if at.For = 0; r.Kind == HostGone || r.Kind == DaemonGone || r.Kind == Stopped {
			at.For = r.For // they know since when
		}
		_, found := Rules{Rules: []Rule{at}}.Evaluate(State{}, views, now)
		for _, a := range found {
			if a.Rule = r.String(); r.lasted(&a, now, past) {
				wrong = append(wrong, a)
			}
		}
	}
	return wrong
}

// lasted tells whether what is measured was over its limit all the time that a rule says.
func (r *Rule) lasted(a *Alert, now time.Time, past Past) bool {
	if r.For == 0 || a.whole == 0 {
		return true
	}
	series, column := a.ID, string(r.Kind)
	switch r.Kind {
	case HostMemory:
		series, column = "host", "memory"
	case HostCPU:
		series, column = "host", "cpu"
	}
	h := past(a.Host, series, now.Add(-r.For), now)
	n := slices.Index(h.Columns, column)
	if n < 0 || n >= len(h.Values) {
		return true
	}
	for _, v := range h.Values[n] {
		if v != nil && *v < r.Over*a.whole*0.99 { // it is kept with less than one percent of error
			return false
		}
	}
	return true
}
