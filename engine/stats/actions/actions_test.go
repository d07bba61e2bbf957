package actions

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"box/engine/stats/sample"
)

// TestTimings: an action counts in each bound that it stays within, and not at all if it failed.
func TestTimings(t *testing.T) {
	var a Actions
	a.add("container", "start", 5*time.Millisecond)
	a.add("container", "start", 300*time.Millisecond)
	a.add("container", "start", time.Minute)
	a.add("container", "create", 0)
	list := a.Timings()
	if len(list) != 2 || list[0].Action != "create" {
		t.Fatalf("%+v", list)
	}
	s := list[1]
	if want := []uint64{1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}; !reflect.DeepEqual(s.Within, want) || s.Count != 3 ||
		s.Seconds != 60.305 {
		t.Errorf("%+v", s)
	}
	s.Within[0] = 99 // what was returned is the caller's
	if a.Timings()[1].Within[0] != 1 {
		t.Error("shared")
	}
	failed := errors.New("no")
	done := a.Time("image", "pull", &failed)
	done()
	if len(a.Timings()) != 2 {
		t.Error("a failure is counted")
	}
	failed = nil
	if done(); len(a.Timings()) != 3 {
		t.Error("a success is not counted")
	}
}

func TestConcurrent(t *testing.T) {
	var a Actions
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				a.add("network", "connect", time.Millisecond)
				a.Timings()
			}
		})
	}
	all.Wait()
	if list := a.Timings(); list[0].Count != 800 || list[0].Within[len(sample.TimingBounds)-1] != 800 {
		t.Errorf("%+v", list)
	}
}
