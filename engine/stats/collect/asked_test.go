package collect

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"box/engine/stats/sample"
)

// TestAsked: who asks sees what was changed before: limits, what changes slowly, and what was measured just now.
func TestAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		images := 1
		c.o.Host = func(h *sample.Host) { h.Daemon.Images = images }
		w.put("a", 1, nil)
		limit := func(max string, kills int) {
			w.uses(t, "a", 100+kills, 0, 0) // what is killed uses the processor
			w.write(t, "a/memory.max", max)
			w.write(t, "a/memory.events", fmt.Sprint("oom_kill ", kills))
		}
		limit("1000", 0)
		run(t, c)
		ask := func() *sample.Set {
			sets, stop := c.Watch()
			defer stop()
			return <-sets
		}
		ask()
		for n := 2; n < 6; n++ { // one right after the other
			limit("2000", n)
			w.put("a", 1, func(t *Target) { t.Edits = uint64(n) })
			images = n
			began := time.Now()
			set := ask()
			a := set.Containers[0]
			if a.Memory.Limit != 2000 || a.Memory.OOMKills != uint64(n) || set.Host.Daemon.Images != n {
				t.Errorf("%d: limit %d, kills %d, images %d", n, a.Memory.Limit, a.Memory.OOMKills, set.Host.Daemon.Images)
			}
			if d := time.Since(began); d > shortest || set.At.Before(began) {
				t.Errorf("%d: made %s after the question, told after %s", n, set.At.Sub(began), d)
			}
		}
		// What somebody else has changed is seen after a while.
		limit("3000", 0)
		if a := ask().Containers[0]; a.Memory.Limit != 2000 {
			t.Errorf("limits are read again for each question: %d", a.Memory.Limit)
		}
		time.Sleep(limitsEvery)
		if a := ask().Containers[0]; a.Memory.Limit != 3000 {
			t.Errorf("limit %d after a minute", a.Memory.Limit)
		}
	})
}

// TestAskedByMany: those who ask at the same time share a measurement.
func TestAskedByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		run(t, c)
		for range 100 {
			sets, stop := c.Watch()
			defer stop()
			defer func() { <-sets }()
			time.Sleep(time.Millisecond)
		}
		if n := len(w.kept("host")); n > 2 {
			t.Errorf("%d measurements in 100 ms", n)
		}
	})
}
