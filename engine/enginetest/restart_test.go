package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/request"
)

// policy is a request's restart policy.
func policy(name api.RestartPolicyMode, most int, argv ...string) func(*request.Create) {
	return func(q *request.Create) {
		q.Host.RestartPolicy = api.RestartPolicy{Name: name, MaximumRetryCount: most}
		if len(argv) > 0 {
			q.Config.Cmd = argv
		}
	}
}

// onClock runs a test on a clock of its own, which goes on when everything waits.
func onClock(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		test(r)
		r.shut()
	})
}

// starts are how long after each end a container was started within a while.
func (r *rig) starts(name string, while time.Duration) (pauses []time.Duration) {
	r.t.Helper()
	r.since()
	time.Sleep(while)
	r.mu.Lock()
	defer r.mu.Unlock()
	var last int64
	for _, m := range r.told {
		if m.Action == "die" && m.Actor.Attributes["name"] == name {
			last = m.TimeNano
		}
		if m.Action == "start" && m.Actor.Attributes["name"] == name && last > 0 {
			pauses = append(pauses, time.Duration(m.TimeNano-last).Round(time.Millisecond))
		}
	}
	r.told = nil
	return pauses
}

// TestRestartPauses: a program that ends at once is started again after 0.1 s, 0.2 s and so on, up to a minute.
func TestRestartPauses(t *testing.T) {
	onClock(t, func(r *rig) {
		r.create("web", policy("always", 0, "false"))
		r.since()
		go func() { _ = r.Start(r.t.Context(), "web") }()
		var want []time.Duration
		var sum time.Duration
		for d := 100 * time.Millisecond; len(want) < 13; d = min(2*d, time.Minute) {
			want = append(want, d)
			sum += d
		}
		if got := r.starts("web", sum+time.Second); !slices.Equal(got, want) {
			r.t.Errorf("it is started after\n%v, want\n%v", got, want)
		}
		i, err := r.Inspect(r.t.Context(), "web", false)
		if err != nil || i.RestartCount != len(want)+1 {
			r.t.Errorf("%d restarts are told, %v", i.RestartCount, err)
		}
		// Stopped by hand while it waits, it stays so.
		if err := r.Stop(r.t.Context(), "web", engine.StopOptions{}); err != nil {
			r.t.Fatal(err)
		}
		if got := r.starts("web", time.Hour); len(got) > 0 || r.state("web").Status != api.StateExited {
			r.t.Errorf("it is started again after %v", got)
		}
		// Started by hand, it begins anew.
		go func() { _ = r.Start(r.t.Context(), "web") }()
		if got := r.starts("web", time.Second); !slices.Equal(got, want[:3]) {
			r.t.Errorf("after a start by hand it is started after %v", got)
		}
	})
}

// TestGoodRun: a run of ten seconds is a good one, after which the pauses begin anew.
func TestGoodRun(t *testing.T) {
	onClock(t, func(r *rig) {
		id := r.start("web", policy("always", 0))
		for n, row := range []struct{ run, pause time.Duration }{
			{time.Second, 100 * time.Millisecond}, {9 * time.Second, 200 * time.Millisecond},
			{time.Second, 400 * time.Millisecond},
			{10 * time.Second, 100 * time.Millisecond}, {time.Second, 200 * time.Millisecond},
		} {
			time.Sleep(row.run)
			ended := time.Now()
			r.l.exit(id, 0)
			time.Sleep(row.pause - time.Millisecond)
			if st := r.state(id); st.Status != api.StateRestarting {
				r.t.Fatalf("run %d: it is %s before %s are over", n, st.Status, row.pause)
			}
			time.Sleep(2 * time.Millisecond)
			if st := r.state(id); st.Status != api.StateRunning {
				r.t.Fatalf("run %d: it is %s after %s", n, st.Status, time.Since(ended))
			}
		}
	})
}

// TestPolicies: each policy at each end, while the daemon lives.
func TestPolicies(t *testing.T) {
	kill := func(signal string) func(r *rig, id string) {
		return func(r *rig, id string) { _ = r.Kill(r.t.Context(), id, signal) } // it may end otherwise meanwhile
	}
	end := func(code int) func(r *rig, id string) { return func(r *rig, id string) { r.l.exit(id, code) } }
	stop := func(r *rig, id string) { _ = r.Stop(r.t.Context(), id, engine.StopOptions{}) }
	for _, row := range []struct {
		what  string
		edit  func(*request.Create)
		end   func(r *rig, id string)
		again bool
	}{
		{"no policy", nil, end(1), false},
		{"no", policy("no", 0), end(1), false},
		{"always, well", policy("always", 0), end(0), true},
		{"always, ill", policy("always", 0), end(3), true},
		{"always, stopped", policy("always", 0), stop, false},
		{"always, killed", policy("always", 0), kill("KILL"), false},
		{"always, told to end", policy("always", 0), kill("TERM"), false},
		{"always, told to end by what is not its stop signal", func(q *request.Create) {
			policy("always", 0)(q)
			q.Config.StopSignal = "SIGINT"
		}, kill("TERM"), true},
		{"unless-stopped, ill", policy("unless-stopped", 0), end(1), true},
		{"unless-stopped, stopped", policy("unless-stopped", 0), stop, false},
		{"on-failure, well", policy("on-failure", 0), end(0), false},
		{"on-failure, ill", policy("on-failure", 0), end(1), true},
		{"on-failure, out of memory", policy("on-failure", 0), end(137), true},
		{"on-failure, stopped", policy("on-failure", 0), stop, false},
	} {
		onClock(t, func(r *rig) {
			id := r.start("web", row.edit)
			row.end(r, id)
			time.Sleep(90 * time.Millisecond)
			want := api.StateExited
			if row.again {
				want = api.StateRestarting
			}
			if st := r.state(id); st.Status != want {
				r.t.Errorf("%s: it is %s, want %s", row.what, st.Status, want)
			}
			time.Sleep(time.Second)
			if st := r.state(id); st.Running != row.again {
				r.t.Errorf("%s: it runs %v after a second", row.what, st.Running)
			}
		})
	}
}

// TestTries: on-failure:3 means four runs, and the last code stays.
func TestTries(t *testing.T) {
	onClock(t, func(r *rig) {
		r.create("web", policy("on-failure", 3, "false"))
		r.since()
		go func() { _ = r.Start(r.t.Context(), "web") }()
		if got := r.starts("web", time.Hour); len(got) != 3 {
			r.t.Errorf("it was started again after %v", got)
		}
		i, err := r.Inspect(r.t.Context(), "web", false)
		if err != nil || i.State.Status != api.StateExited || i.State.ExitCode != 1 || i.RestartCount != 3 {
			r.t.Errorf("%+v, %d restarts, %v", i.State, i.RestartCount, err)
		}
	})
}

// TestRestartFails: a start by the policy that fails is the end, with its error.
func TestRestartFails(t *testing.T) {
	onClock(t, func(r *rig) {
		id := r.start("web", policy("always", 0))
		r.l.failing("launch", errors.New("no room"))
		r.l.exit(id, 5)
		time.Sleep(time.Minute)
		if st := r.state(id); st.Status != api.StateExited || st.ExitCode != 128 || !strings.Contains(st.Error, "no room") {
			r.t.Errorf("%+v", st)
		}
	})
}

// TestWhileItWaits: what is done with a container that waits for its restart: it is not forgotten and not started
// twice.
func TestWhileItWaits(t *testing.T) {
	for _, row := range []struct {
		what string
		do   func(r *rig) error
		want api.ContainerState // "" for gone
		tell []string
	}{
		{"start", func(r *rig) error { return r.Start(r.t.Context(), "web") }, api.StateRunning,
			[]string{"network connect name=host", "container start name=web"}},
		{"stop", func(r *rig) error { return r.Stop(r.t.Context(), "web", engine.StopOptions{}) }, api.StateExited,
			[]string{"container stop name=web"}},
		{"kill", func(r *rig) error { return r.Kill(r.t.Context(), "web", "") }, api.StateExited,
			[]string{"container stop name=web"}},
		{"restart", func(r *rig) error { return r.Restart(r.t.Context(), "web", engine.StopOptions{}) }, api.StateRunning,
			[]string{"network connect name=host", "container start name=web", "container restart name=web"}},
		{"rm", func(r *rig) error { return r.Remove(r.t.Context(), "web", engine.RemoveOptions{Force: true}) }, "",
			[]string{"container stop name=web", "container destroy name=web"}},
	} {
		onClock(t, func(r *rig) {
			id := r.start("web", policy("always", 0))
			r.l.exit(id, 1)
			time.Sleep(50 * time.Millisecond)
			r.since()
			if err := row.do(r); err != nil {
				r.t.Errorf("%s: %v", row.what, err)
			}
			r.expect(row.what, row.tell...)
			if got := r.starts("web", time.Hour); len(got) > 0 {
				r.t.Errorf("%s: it is started after %v", row.what, got)
			}
			if row.want == "" {
				return
			}
			if st := r.state("web"); st.Status != row.want {
				r.t.Errorf("%s: it is %s", row.what, st.Status)
			}
		})
	}
}

// TestWaits: each condition ends with the end that it means, by that end's code.
func TestWaits(t *testing.T) {
	onClock(t, func(r *rig) {
		type answer struct {
			code int64
			err  error
		}
		wait := func(name string, c api.WaitCondition) <-chan answer {
			out, found := make(chan answer, 1), make(chan struct{})
			go func() {
				w, err := r.Wait(r.t.Context(), name, c, func() { close(found) })
				out <- answer{w.StatusCode, err}
			}()
			<-found
			return out
		}
		still := func(what string, c <-chan answer) {
			r.t.Helper()
			synctest.Wait()
			select {
			case a := <-c:
				r.t.Errorf("%s: it ended with %+v", what, a)
			default:
			}
		}
		gives := func(what string, c <-chan answer, code int64) {
			r.t.Helper()
			synctest.Wait()
			select {
			case a := <-c:
				if a.err != nil || a.code != code {
					r.t.Errorf("%s: %+v, want %d", what, a, code)
				}
			default:
				r.t.Errorf("%s: it waits", what)
			}
		}
		id := r.create("web", policy("always", 0))
		gives("one that was never started does not run", wait("web", api.WaitConditionNotRunning), 0)
		next, gone := wait("web", api.WaitConditionNextExit), wait("web", api.WaitConditionRemoved)
		still("the next end of one that was never started", next)
		if err := r.Start(r.t.Context(), "web"); err != nil {
			r.t.Fatal(err)
		}
		running := wait("web", api.WaitConditionNotRunning)
		still("one that runs", running)
		r.l.exit(id, 7)
		gives("the next end", next, 7)
		gives("an end that the policy undoes", running, 7)
		still("a removal", gone)
		resting := wait("web", api.WaitConditionNotRunning)
		still("while it waits for its restart", resting)
		time.Sleep(time.Second)
		still("of one that runs again", resting)
		r.l.exit(id, 8)
		gives("the end of the second run", resting, 8)
		if err := r.Remove(r.t.Context(), "web", engine.RemoveOptions{Force: true}); err != nil {
			r.t.Fatal(err)
		}
		gives("the removal", gone, 8)
		ctx, cancel := context.WithCancel(r.t.Context())
		r.start("other", nil)
		cancel()
		if _, err := r.Wait(ctx, "other", "", func() {}); !errors.Is(err, context.Canceled) {
			r.t.Errorf("a client that went away: %v", err)
		}
	})
}

// TestAutoRemove: one of --rm goes with its end and its anonymous volumes, but not within a restart by hand.
func TestAutoRemove(t *testing.T) {
	onClock(t, func(r *rig) {
		ctx := r.t.Context()
		id := r.start("web", func(q *request.Create) {
			q.Host.AutoRemove, q.Host.Binds = true, []string{"/made", "named:/named"}
		})
		r.since()
		if err := r.Restart(ctx, "web", engine.StopOptions{}); err != nil {
			r.t.Fatal(err)
		}
		synctest.Wait()
		if st := r.state(id); !st.Running {
			r.t.Errorf("%+v", st)
		}
		r.since()
		r.l.exit(id, 3)
		synctest.Wait()
		if _, err := r.Inspect(ctx, id, false); err == nil {
			r.t.Error("it stays")
		}
		left, err := r.Volumes(nil)
		if err != nil || len(left) != 1 || left[0].Name != "named" {
			r.t.Errorf("volumes %+v %v", left, err)
		}
		told := r.since()
		if !slices.Contains(told, "container destroy name=web") ||
			slices.Index(told, "container die name=web exitCode=3") != 0 {
			r.t.Errorf("%q", told)
		}
		// A restart whose stop works and whose start does not is an end too.
		r.start("site", func(q *request.Create) { q.Host.AutoRemove = true })
		r.l.failing("launch", errors.New("no"))
		if err := r.Restart(ctx, "site", engine.StopOptions{}); err == nil {
			r.t.Error("it restarted")
		}
		synctest.Wait()
		if _, err := r.Inspect(ctx, "site", false); err == nil {
			r.t.Error("one that did not come up again stays")
		}
	})
}

// TestStopTimes: how long a program has before it is killed is said by the request, the container, the daemon, in
// this order, and a client that goes away ends the waiting and not the program.
func TestStopTimes(t *testing.T) {
	n := func(i int) *int { return &i }
	for _, row := range []struct {
		what               string
		asked, own, daemon *int
		want               time.Duration
	}{
		{"by default", nil, nil, nil, 10 * time.Second},
		{"the daemon's", nil, nil, n(3), 3 * time.Second},
		{"the container's", nil, n(4), n(3), 4 * time.Second},
		{"the request's", n(5), n(4), n(3), 5 * time.Second},
		{"at once", n(0), n(4), nil, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(o *engine.Options) { o.Settings.Container.StopTimeout = row.daemon })
			r.start("web", func(q *request.Create) { q.Config.Cmd, q.Config.StopTimeout = []string{"stubborn"}, row.own })
			began := time.Now()
			if err := r.Stop(t.Context(), "web", engine.StopOptions{Seconds: row.asked}); err != nil {
				t.Error(row.what, err)
			}
			if took := time.Since(began).Round(time.Millisecond); took != row.want {
				t.Errorf("%s: killed after %s, want %s", row.what, took, row.want)
			}
			r.shut()
		})
	}
	onClock(t, func(r *rig) {
		r.start("web", func(q *request.Create) { q.Config.Cmd = []string{"stubborn"} })
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		err := r.Stop(ctx, "web", engine.StopOptions{Seconds: n(-1)})
		if !errors.Is(err, context.DeadlineExceeded) || !r.state("web").Running {
			r.t.Errorf("%v, %+v", err, r.state("web"))
		}
		r.l.failing("signal", errors.New("not now"))
		if err := r.Stop(r.t.Context(), "web", engine.StopOptions{}); err == nil ||
			!strings.Contains(err.Error(), "not now") {
			r.t.Error(err)
		}
		r.l.failing("signal", nil)
	})
}

// TestClose: a daemon that ends stops what runs, each by its own time, and one with live-restore leaves it.
func TestClose(t *testing.T) {
	for _, live := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, func(o *engine.Options) {
				o.Settings.LiveRestore, o.Settings.ShutdownTimeout = live, 5*time.Second
			})
			for i, own := range []int{0, 1, 60} {
				r.start(fmt.Sprint("web", i), func(q *request.Create) {
					q.Config.Cmd, q.Config.StopTimeout = []string{"stubborn"}, &own
				})
			}
			r.since()
			began := time.Now()
			r.shut()
			took := time.Since(began).Round(time.Second)
			r.mu.Lock()
			defer r.mu.Unlock()
			if want := 5 * time.Second; !live && took != want || live && (took != 0 || len(r.told) > 0) {
				t.Errorf("live-restore %v: it took %s, and told %d", live, took, len(r.told))
			}
			for _, p := range r.l.programs() { // nothing outlives the clock
				p.end()
			}
		})
	}
}
