package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/request"
	"box/engine/task"
)

// checked is a request whose container is checked every few milliseconds.
func checked(edit func(*api.HealthConfig)) func(*request.Create) {
	return func(q *request.Create) {
		q.Config.Healthcheck = &api.HealthConfig{Test: []string{"CMD", "check"}, Interval: 2 * time.Millisecond, Retries: 2,
			Timeout: 20 * time.Second}
		if edit != nil {
			edit(q.Config.Healthcheck)
		}
	}
}

// turns waits until the health of a container is another.
func (r *rig) turns(ref string, want api.HealthStatus) *api.Health {
	r.t.Helper()
	var h *api.Health
	within(r.t, func() bool { h = r.state(ref).Health; return h != nil && h.Status == want }, func() string {
		return fmt.Sprintf("the health of %s is %+v and does not become %s", ref, h, want)
	})
	return h
}

// TestHealthTurns: a container is healthy with the first check that succeeds, and not with two in a row that fail;
// each change is told once, and inspect shows what the checks said.
func TestHealthTurns(t *testing.T) {
	r := newRig(t, nil)
	var code atomic.Int32
	r.l.run = func(_ context.Context, argv []string, out *os.File) int {
		n := int(code.Load())
		fmt.Fprintf(out, "%s says %d", argv[0], n)
		return n
	}
	r.start("web", checked(nil))
	h := r.turns("web", api.Healthy)
	if len(h.Log) == 0 || h.Log[0].Output != "check says 0" || h.Log[0].ExitCode != 0 || h.FailingStreak != 0 {
		t.Errorf("%+v %+v", h, h.Log)
	}
	code.Store(3)
	h = r.turns("web", api.Unhealthy)
	if last := h.Log[len(h.Log)-1]; h.FailingStreak < 2 || last.ExitCode != 3 || last.Output != "check says 3" ||
		len(h.Log) > 5 {
		t.Errorf("%+v %+v", h, last)
	}
	code.Store(0)
	r.turns("web", api.Healthy)
	if err := r.Pause(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	r.l.heard()
	time.Sleep(20 * time.Millisecond)
	checks := slices.DeleteFunc(r.l.heard(), func(a string) bool { return a != "exec check" })
	if len(checks) > 1 { // one may have been under way
		t.Errorf("a frozen container is checked %d times", len(checks))
	}
	if err := r.Unpause(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	r.turns("web", api.Healthy)
	r.hears("health_status", 4)
	if err := r.Kill(t.Context(), "web", ""); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, line := range r.since() {
		if strings.Contains(line, "health_status") {
			told = append(told, strings.Fields(line)[2])
		}
	}
	if want := []string{"healthy", "unhealthy", "healthy", "healthy"}; !slices.Equal(told, want) {
		t.Errorf("it is told to be %q, want %q", told, want)
	}
	if st := r.state("web"); st.Health.Status != api.Unhealthy {
		t.Errorf("one that does not run is %s", st.Health.Status)
	}
}

// TestHealthFailures: a check that takes too long is killed and told, as is one that cannot be run; what it says is
// cut.
func TestHealthFailures(t *testing.T) {
	for name, row := range map[string]struct {
		run  func(ctx context.Context, argv []string, out *os.File) int
		fail error
		edit func(*api.HealthConfig)
		code int
		says string
	}{
		"silent": {run: func(ctx context.Context, _ []string, _ *os.File) int { <-ctx.Done(); return 137 },
			edit: func(c *api.HealthConfig) { c.Timeout = 5 * time.Millisecond }, code: -1,
			says: "Health check exceeded timeout (5ms)"},
		"slow": {run: func(ctx context.Context, _ []string, out *os.File) int {
			fmt.Fprint(out, "thinking")
			<-ctx.Done()
			return 137
		}, edit: func(c *api.HealthConfig) { c.Timeout = 100 * time.Millisecond }, code: -1, says: "(100ms): thinking"},
		"not there": {fail: task.Because(errors.New(`unable to start: exec: "check": executable file not found in $PATH`),
			task.NotStarted, task.NotInPath), code: -1,
			says: "OCI runtime exec failed"},
		"talkative": {run: func(_ context.Context, _ []string, out *os.File) int {
			fmt.Fprint(out, strings.Repeat("x", 5000))
			return 1
		}, code: 1, says: strings.Repeat("x", 4096)},
	} {
		r := newRig(t, nil)
		r.l.run = row.run
		r.l.failing("exec", row.fail)
		r.start("web", checked(row.edit))
		h := r.turns("web", api.Unhealthy)
		if first := h.Log[0]; first.ExitCode != row.code || !strings.Contains(first.Output, row.says) ||
			len(first.Output) > 4200 {
			t.Errorf("%s: %d %.200q", name, first.ExitCode, first.Output)
		}
		if ids, err := r.Inspect(t.Context(), "web", false); err != nil || len(ids.ExecIDs) > 1 {
			t.Errorf("%s: checks that are over are listed: %q %v", name, ids.ExecIDs, err)
		}
	}
}

// TestHealthStart: failures before the start period is over do not count.
func TestHealthStart(t *testing.T) {
	r := newRig(t, nil)
	var checks atomic.Int32
	r.l.run = func(context.Context, []string, *os.File) int { checks.Add(1); return 1 }
	r.start("web", checked(func(c *api.HealthConfig) { c.StartPeriod, c.StartInterval = time.Hour, 2*time.Millisecond }))
	within(t, func() bool { return checks.Load() > 4 }, func() string { return "it is not checked" })
	if h := r.state("web").Health; h.Status != api.Starting || h.FailingStreak != 0 {
		t.Errorf("%+v", h)
	}
	for name, test := range map[string][]string{"none": {"NONE"}, "no words": {"CMD"}, "nothing": {}} {
		r.start("no-"+strings.ReplaceAll(name, " ", "-"),
			func(q *request.Create) { q.Config.Healthcheck = &api.HealthConfig{Test: test} })
		if h := r.state("no-" + strings.ReplaceAll(name, " ", "-")).Health; h != nil && h.Status != api.NoHealthcheck {
			t.Errorf("%s: %+v", name, h)
		}
	}
}
