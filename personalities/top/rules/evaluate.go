package rules

import (
	"cmp"
	"slices"
	"time"

	"box/engine/stats/sample"
)

// View is what is known of a host.
type View struct {
	Host   string
	Set    *sample.Set // the last measurement; nil: none yet
	Dead   bool        // nobody answers: Set is old
	Daemon bool        // who answers is the daemon, and not the kernel alone
	Since  time.Time   // when that changed
	Err    string      // why it is dead
	// Past is the history of the host over the last day, for what is to come where there is no state of before.
	Past sample.History
}

// Alert is something that is wrong, or was.
type Alert struct {
	Rule   string
	Host   string
	Name   string    `json:",omitempty"` // of the container
	ID     string    `json:",omitempty"`
	Since  time.Time // when it began to be so
	Told   time.Time // when it had been so for long enough
	Ended  time.Time // zero: it is still so
	Value  float64   // what was measured: a share, a number, or seconds
	Text   string    // a sentence
	Unsure bool      `json:",omitempty"` // the host does not answer any more: it was so
	whole  float64   // that Value is a share of
}

// State is what was found before. It may be kept as JSON; its zero value is that of a first start.
type State struct {
	At      time.Time
	Active  map[string]Alert     // what is wrong, by rule, host and name
	Pending map[string]time.Time // what is so, but not for long enough; or is wrong no more, but not for long enough
	Disks   map[string][]Used    // of the data root of each host
}

// finding is what a rule says of one subject.
type finding struct {
	name  string // of the container
	id    string
	holds bool
	since time.Time // when known
	value float64
	whole float64 // that value is a share of, where that is measured again and again
	text  string
}

// silence is for how long nobody may have looked before what lasts has to last anew.
const silence = 2 * time.Minute

// Evaluate compares rules with what is known at a time. It returns the new state, and what has changed: each alert once
// when it begins and once when it ends. What is not known of a host that does not answer stays as it was.
func (all Rules) Evaluate(prev State, views []View, now time.Time) (next State, changes []Alert) {
	gap := now.Sub(prev.At)
	e := evaluation{now: now, prev: prev, fresh: prev.At.IsZero() || gap > silence || gap < 0,
		next: State{At: now, Active: map[string]Alert{}, Pending: map[string]time.Time{}, Disks: map[string][]Used{}},
		seen: map[string]bool{}}
	unknown := map[string]bool{}
	for i := range views {
		unknown[views[i].Host] = views[i].Set == nil || views[i].Dead
		e.remember(&views[i])
	}
	lines := map[string]bool{}
	for i := range all.Rules {
		r := &all.Rules[i]
		lines[r.String()] = true
		for n := range views {
			v := &views[n]
			if !r.covers(v.Host, "") || unknown[v.Host] && r.Kind != HostGone && r.Kind != DaemonGone {
				continue
			}
			for _, f := range r.find(v, e.next.Disks[v.Host], now) {
				if r.covers(v.Host, f.name) {
					e.take(r, v.Host, f)
				}
			}
		}
	}
	for key, a := range prev.Active {
		away, known := unknown[a.Host]
		switch {
		case e.seen[key]:
		case lines[a.Rule] && (away || !known):
			a.Unsure = away
			e.next.Active[key] = a
		default: // the container or the rule is no more
			e.end(a)
		}
	}
	slices.SortFunc(e.changes, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Rule, b.Rule))
	})
	return e.next, e.changes
}

// evaluation is one Evaluate.
type evaluation struct {
	now     time.Time
	prev    State
	next    State
	fresh   bool // nobody has looked just before
	seen    map[string]bool
	changes []Alert
}

// remember keeps what the disk of a host holds.
func (e *evaluation) remember(v *View) {
	past := e.prev.Disks[v.Host]
	if longer := FromHistory(v.Past); len(past) < 2 && len(longer) > 0 {
		past = longer
	}
	if v.Set != nil && !v.Dead {
		if f := dataFiles(&v.Set.Host); f != nil {
			past = remember(past, Used{e.now, float64(f.Total) - float64(f.Free)})
		}
	}
	if len(past) > 0 {
		e.next.Disks[v.Host] = past
	}
}

// take compares a finding with what was.
func (e *evaluation) take(r *Rule, host string, f finding) {
	key := r.String() + "\x00" + host + "\x00" + f.name
	a, active := e.prev.Active[key]
	since, pending := e.prev.Pending[key]
	e.seen[key] = true
	if !pending || e.fresh || since.After(e.now) {
		since = e.now
	}
	if f.holds && !f.since.IsZero() && f.since.Before(since) {
		since = f.since
	}
	long := e.now.Sub(since) >= r.For
	switch {
	case f.holds && active: // still, and what it had begun to be well is forgotten
		a.Value, a.Text, a.ID, a.Unsure = f.value, f.text, f.id, false
		e.next.Active[key] = a
	case f.holds && long:
		a = Alert{Rule: r.String(), Host: host, Name: f.name, ID: f.id, Since: since, Told: e.now, Value: f.value,
			Text: f.text, whole: f.whole}
		e.next.Active[key] = a
		e.changes = append(e.changes, a)
	case f.holds:
		e.next.Pending[key] = since
	case active && long:
		e.end(a)
	case active:
		a.Unsure = false
		e.next.Active[key], e.next.Pending[key] = a, since
	}
}

// end tells that an alert is over.
func (e *evaluation) end(a Alert) {
	a.Ended, a.Unsure = e.now, false
	e.changes = append(e.changes, a)
}

// Alerts lists what is wrong, the newest first.
func (s State) Alerts() []Alert {
	all := make([]Alert, 0, len(s.Active))
	for _, a := range s.Active {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Alert) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Rule, b.Rule))
	})
	return all
}
