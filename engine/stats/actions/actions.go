// Package actions counts what the daemon does, and how long that takes: the numbers that Docker's daemon serves as
// engine_daemon_*.
package actions

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"box/engine/stats/sample"
)

// Actions counts. The zero value is ready to use, by several goroutines.
type Actions struct {
	Checks, ChecksFailed atomic.Uint64 // health checks

	mu      sync.Mutex
	timings []sample.Timing
}

// Time begins to time an action on a noun, such as create of a container. The returned function ends that; an action
// that failed is not counted.
func (a *Actions) Time(noun, action string, failed *error) (done func()) {
	began := time.Now()
	return func() {
		if *failed == nil {
			a.add(noun, action, time.Since(began))
		}
	}
}

func (a *Actions) add(noun, action string, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.of(noun, action)
	t.Count++
	t.Seconds += took.Seconds()
	for i, most := range sample.TimingBounds {
		if took.Seconds() <= most {
			t.Within[i]++
		}
	}
}

// of returns the timing of an action, which is added if it is missing. a.mu is held.
func (a *Actions) of(noun, action string) *sample.Timing {
	for i := range a.timings {
		if t := &a.timings[i]; t.Noun == noun && t.Action == action {
			return t
		}
	}
	a.timings = append(a.timings, sample.Timing{Noun: noun, Action: action,
		Within: make([]uint64, len(sample.TimingBounds))})
	return &a.timings[len(a.timings)-1]
}

// Timings returns how long actions took, by noun and action.
func (a *Actions) Timings() []sample.Timing {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.timings)
	for i := range list {
		list[i].Within = slices.Clone(list[i].Within)
	}
	slices.SortFunc(list, func(a, b sample.Timing) int {
		return cmp.Or(cmp.Compare(a.Noun, b.Noun), cmp.Compare(a.Action, b.Action))
	})
	return list
}
