package lifecycle

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/engine/request"
	"box/engine/task"
)

var states = []api.ContainerState{
	api.StateCreated, api.StateRunning, api.StatePaused, api.StateRestarting, api.StateExited, api.StateRemoving,
	api.StateDead,
}

// made is a container in a state, and what was saved of it.
func made(s api.ContainerState) (*Container, *[]Status) {
	var saved []Status
	rec := Record{ID: "0123456789abcdef", Name: "web", Config: &api.Config{}, Host: &api.HostConfig{}}
	return New(rec, Status{State: s}, func(_ string, st Status) { saved = append(saved, st) }), &saved
}

// TestArrows: of all pairs of states, those in the diagram are taken, saved once, and wake who waits; the others
// change nothing.
func TestArrows(t *testing.T) {
	arrows := 0
	for _, from := range states {
		for _, to := range states {
			c, saved := made(from)
			_, changed := c.Now()
			err := c.To(to, func(s *Status) { s.ExitCode = 7 })
			woken := false
			select {
			case <-changed:
				woken = true
			default:
			}
			st := c.Status()
			if err != nil {
				if !errdefs.IsConflict(err) || st.State != from || st.ExitCode != 0 || len(*saved) > 0 || woken {
					t.Errorf("%s to %s is refused with %v, and left %+v, saved %d", from, to, err, st, len(*saved))
				}
				continue
			}
			arrows++
			if st.State != to || st.ExitCode != 7 || st.Seq != 1 || len(*saved) != 1 || (*saved)[0].State != to || !woken {
				t.Errorf("%s to %s: %+v, saved %v, woken %v", from, to, st, *saved, woken)
			}
		}
	}
	if arrows != 16 {
		t.Errorf("%d arrows are taken, the diagram has 16", arrows)
	}
	for _, from := range states {
		if len(transitions[from]) == 0 {
			t.Errorf("nothing leads out of %s", from)
		}
	}
}

// TestSaved: a change is saved, a note is not, and nothing is saved of a container that is gone.
func TestSaved(t *testing.T) {
	c, saved := made(api.StateRunning)
	c.Note(func(s *Status) { s.Restarts = 1 })
	if len(*saved) != 0 || c.Status().Restarts != 1 {
		t.Error("a note was saved")
	}
	c.Change(func(s *Status) { s.Restarts = 2 })
	if len(*saved) != 1 || (*saved)[0].Restarts != 2 {
		t.Error(*saved)
	}
	c.Go()
	_, changed := c.Now()
	c.Change(func(s *Status) { s.Restarts = 3 })
	<-changed
	if len(*saved) != 1 || !c.Gone() {
		t.Error("what is gone was saved")
	}
	_, changed = c.Now()
	c.Farewell()
	<-changed
}

// TestEnded: who waits for the end of a run gets its code after it was told, and the next run has another end.
func TestEnded(t *testing.T) {
	c, _ := made(api.StateRunning)
	end := c.End()
	var told []string
	err := c.Ended(api.StateExited, 3, func(s *Status) {
		told = append(told, "state")
	}, func(r *Record) {
		if end.Over() {
			t.Error("the end was known before it was told")
		}
		told = append(told, "event of "+r.Name)
	})
	if err != nil || !end.Over() || end.Code() != 3 || c.End() == end || c.End().Over() || len(told) != 2 ||
		told[1] != "event of web" {
		t.Error(err, told)
	}
	if err := c.Ended(api.StateExited, 4, func(*Status) {}, func(*Record) { t.Error("told twice") }); err == nil ||
		c.End().Over() || end.Code() != 3 {
		t.Error("ended twice")
	}
}

// TestHealth: only a change of the health is saved and told, a check that was cancelled counts no more, and one that
// does not run is unhealthy.
func TestHealth(t *testing.T) {
	c, saved := made(api.StateRunning)
	as := func(s api.HealthStatus) func(*Status) *api.Health {
		return func(*Status) *api.Health { return &api.Health{Status: s} }
	}
	if _, changed := c.Judge(t.Context(), as(api.Healthy)); changed {
		t.Error("a container without a check has a health")
	}
	c.Note(func(s *Status) { s.Health = &api.Health{Status: api.Starting} })
	if now, changed := c.Judge(t.Context(), as(api.Healthy)); !changed || now != api.Healthy || len(*saved) != 1 {
		t.Error(now, changed, *saved)
	}
	if _, changed := c.Judge(t.Context(), as(api.Healthy)); changed || len(*saved) != 1 {
		t.Error("what stayed was saved")
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Check(cancel)
	other, cancelOther := context.WithCancel(t.Context())
	c.Check(cancelOther)
	if ctx.Err() == nil || other.Err() != nil {
		t.Error("two checks run beside each other")
	}
	c.Uncheck()
	if st := c.Status(); other.Err() == nil || st.HealthStatus() != api.Unhealthy {
		t.Error("it is checked, or well, while it does not run")
	}
	if now, changed := c.Judge(other, as(api.Healthy)); changed {
		t.Error("a check that was cancelled counts", now)
	}
	if none := (&Status{}); none.HealthStatus() != api.NoHealthcheck {
		t.Error(none.HealthStatus())
	}
}

// TestHeld: --rm waits for restarts by hand, however many.
func TestHeld(t *testing.T) {
	c, _ := made(api.StateExited)
	if c.Goes() {
		t.Error("goes without --rm")
	}
	c.Reconfigure(func(r *Record) { r.Host = &api.HostConfig{AutoRemove: true} })
	c.Hold()
	c.Hold()
	c.LetGo()
	if c.Goes() || c.Idle() {
		t.Error("goes while a restart is under way")
	}
	c.LetGo()
	if !c.Goes() || !c.Idle() {
		t.Error("stays")
	}
	if running, _ := made(api.StateRunning); running.Idle() {
		t.Error("one that runs is idle")
	}
}

// TestStreams: what waits for the program is given out once, and given back with the removal.
func TestStreams(t *testing.T) {
	c, _ := made(api.StateCreated)
	a, b := &task.Stream{}, &task.Stream{}
	c.Await(a)
	if got := c.Waiting(); len(got) != 1 || got[0] != a || len(c.Waiting()) != 0 {
		t.Error(got)
	}
	c.Await(b)
	c.AddExec("x")
	if all := c.AddExec("y"); len(all) != 2 {
		t.Error(all)
	}
	c.DropExec("x")
	c.DropExec("gone")
	if other, _ := made(api.StateRunning); len(other.AddExec("z")) == 1 {
		if other.DropExec("z"); other.Execs() != nil {
			t.Error("an empty list is not nil")
		}
	}
	waiting, execs := c.Go()
	if len(waiting) != 1 || waiting[0] != b || len(execs) != 1 || execs[0] != "y" || len(c.Waiting()) != 0 {
		t.Error(waiting, execs)
	}
}

// TestTimer: a restart that was cancelled does not come.
func TestTimer(t *testing.T) {
	c, _ := made(api.StateRestarting)
	came := make(chan struct{}, 2)
	c.RestartBy(func() *time.Timer { return time.AfterFunc(time.Hour, func() { came <- struct{}{} }) })
	c.CancelRestart()
	c.CancelRestart()
	c.RestartBy(func() *time.Timer { return time.AfterFunc(0, func() { came <- struct{}{} }) })
	<-came
	if len(came) > 0 {
		t.Error("it came")
	}
}

// TestOOM: one watch at a time, whose end is called once.
func TestOOM(t *testing.T) {
	c, _ := made(api.StateRunning)
	begun, ended := 0, 0
	watch := func() (end func()) { begun++; return func() { ended++ } }
	c.WatchOOM(func() (end func()) { return nil })
	c.WatchOOM(watch)
	c.WatchOOM(watch)
	c.UnwatchOOM()
	c.UnwatchOOM()
	if begun != 1 || ended != 1 {
		t.Error(begun, ended)
	}
	c.TellOOM(true)
	if !c.OOMTold() {
		t.Error("not told")
	}
}

// TestDamage: a container that is damaged is dead, and says why.
func TestDamage(t *testing.T) {
	c, _ := made(api.StateExited)
	c.Damage("no folder")
	if st := c.Status(); st.State != api.StateDead || st.Error != "no folder" || c.Damaged() != "no folder" {
		t.Error(st)
	}
	if err := c.To(api.StateRunning, nil); err == nil {
		t.Error("it runs")
	}
	if err := c.To(api.StateRemoving, nil); err != nil {
		t.Error(err)
	}
}

// TestSideBySide: callers from everywhere meet no race, and no change is lost.
func TestSideBySide(t *testing.T) {
	var saved int
	c := New(Record{ID: "a", Host: &api.HostConfig{}}, Status{State: api.StateRunning}, func(string, Status) { saved++ })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				c.Change(func(s *Status) { s.Restarts++ })
				c.Reconfigure(func(r *Record) { r.Name += "x" })
				c.See()
				_, _ = c.Record(), c.Gone()
			}
		})
	}
	wg.Wait()
	if st := c.Status(); st.Restarts != 1600 || st.Seq != 1600 || saved != 1600 || len(c.Record().Name) != 1600 {
		t.Error(st.Restarts, st.Seq, saved)
	}
}

func TestRecord(t *testing.T) {
	volume := func(name string) request.Mount {
		return request.Mount{MountPoint: api.MountPoint{Type: mount.TypeVolume, Name: name}}
	}
	image := request.Mount{MountPoint: api.MountPoint{Type: mount.TypeImage}, Spec: mount.Mount{Source: "sha256:b"}}
	r := Record{
		Name: "web", Image: "sha256:a", Mounts: []request.Mount{volume("v"), image, volume("w"), volume("v")},
		Links:  []string{"1", "2"},
		Config: &api.Config{Image: "busybox", Labels: map[string]string{"l": "1", "name": "own"}},
		Host:   &api.HostConfig{Links: []string{"/db:/web/store", "/cache:/web/cache", "/late:/web/late"}},
	}
	if got := r.Volumes(); len(got) != 2 || got[0] != "v" || got[1] != "w" {
		t.Error(got)
	}
	if !r.Uses("sha256:a") || !r.Uses("sha256:b") || r.Uses("v") || r.Uses("") {
		t.Error("images")
	}
	if r.LinkIndex("cache") != 1 || r.LinkIndex("db") != -1 || r.LinkIndex("late") != -1 {
		t.Error("links")
	}
	a := r.Attributes("exitCode", "1", "odd")
	if a["name"] != "web" || a["image"] != "busybox" || a["l"] != "1" || a["exitCode"] != "1" || len(a) != 4 {
		t.Error(a)
	}
	if r.Config.Labels["name"] != "own" {
		t.Error("the record was changed")
	}
	if a := (&Record{Name: "x"}).Attributes(); len(a) != 1 {
		t.Error(a)
	}
}
