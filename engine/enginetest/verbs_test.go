package enginetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/task"
)

// TestEventsOfVerbs: what each verb tells, in which order, and nothing else.
func TestEventsOfVerbs(t *testing.T) {
	r := newRig(t, nil)
	r.since()
	ctx := t.Context()
	now := 0
	for _, step := range []struct {
		what string
		do   func() error
		want []string
	}{
		{"create", func() error { r.create("web", nil); return nil }, []string{"container create name=web"}},
		{"rename", func() error { return r.Rename(ctx, "web", "/site") },
			[]string{"container rename name=site oldName=/web"}},
		{"start", func() error { return r.Start(ctx, "site") }, []string{"network connect name=host", "container start name=site"}},
		{"pause", func() error { return r.Pause(ctx, "site") }, []string{"container pause name=site"}},
		{"unpause", func() error { return r.Unpause(ctx, "site") }, []string{"container unpause name=site"}},
		{"resize", func() error { return r.Resize(ctx, "site", 24, 80) }, []string{"container resize name=site"}},
		{"update", func() error {
			_, err := r.Update(ctx, "site", api.UpdateConfig{Resources: api.Resources{CPUShares: 512}})
			return err
		}, []string{"container update name=site"}},
		{"exec of a program alone", func() error {
			_, err := r.ExecCreate(ctx, "site", api.ExecCreateRequest{Cmd: []string{"true"}})
			return err
		}, []string{"container exec_create: true  name=site"}}, // with a space, as Docker's
		{"a signal that does nothing", func() error { return r.Kill(ctx, "site", "USR1") },
			[]string{"container kill name=site signal=10"}},
		{"restart", func() error { return r.Restart(ctx, "site", engine.StopOptions{}) }, []string{
			"container kill name=site signal=15", "container die name=site exitCode=0", "network disconnect name=host",
			"container stop name=site", "network connect name=host", "container start name=site",
			"container restart name=site"}},
		{"stop of a paused one", func() error {
			return errors.Join(r.Pause(ctx, "site"), r.Stop(ctx, "site", engine.StopOptions{}))
		}, []string{"container pause name=site", "container kill name=site signal=15", "container unpause name=site",
			"container die name=site exitCode=0", "network disconnect name=host", "container stop name=site"}},
		{"restart of what does not run", func() error { return r.Restart(ctx, "site", engine.StopOptions{}) }, []string{
			"network connect name=host", "container start name=site", "container restart name=site"}},
		{"kill", func() error { return r.Kill(ctx, "site", "") },
			[]string{"container kill name=site signal=9", "container die name=site exitCode=0",
				"network disconnect name=host"}},
		{"stop of what ignores it", func() error {
			r.start("deaf", func(q *request.Create) { q.Config.Cmd, q.Config.StopSignal = []string{"stubborn"}, "SIGTERM" })
			return r.Stop(ctx, "deaf", engine.StopOptions{Seconds: &now})
		}, []string{"container create name=deaf", "network connect name=host", "container start name=deaf",
			"container kill name=deaf signal=15", "container kill name=deaf signal=9",
			"container die name=deaf exitCode=0", "network disconnect name=host", "container stop name=deaf"}},
		{"rm -f of what runs", func() error {
			return errors.Join(r.Start(ctx, "deaf"), r.Remove(ctx, "deaf", engine.RemoveOptions{Force: true}))
		}, []string{"network connect name=host", "container start name=deaf", "container kill name=deaf signal=9",
			"container die name=deaf exitCode=0", "network disconnect name=host", "container destroy name=deaf"}},
		{"rm", func() error { return r.Remove(ctx, "site", engine.RemoveOptions{}) },
			[]string{"container destroy name=site"}},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
		r.expect(step.what, step.want...)
	}
}

// states brings a container into each state in which one may be found.
func (r *rig) states() map[string]func(name string) {
	ctx := r.t.Context()
	check := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	return map[string]func(string){
		"created": func(name string) { r.create(name, nil) },
		"running": func(name string) { r.start(name, nil) },
		"paused":  func(name string) { r.start(name, nil); check(r.Pause(ctx, name)) },
		"exited":  func(name string) { r.start(name, nil); check(r.Kill(ctx, name, "")) },
		"restarting": func(name string) {
			r.start(name, func(q *request.Create) {
				q.Config.Cmd, q.Host.RestartPolicy = []string{"false"}, api.RestartPolicy{Name: "always"}
			})
			r.becomes(name, api.StateRestarting)
		},
	}
}

// TestVerbsRefuse: in each state each verb is done, changes nothing, or is refused, with Docker's class and words; and
// one that is refused leaves the container as it was, and tells nothing.
func TestVerbsRefuse(t *testing.T) {
	verbs := map[string]func(context.Context, *engine.Engine, string) error{
		"start": func(ctx context.Context, e *engine.Engine, c string) error { return e.Start(ctx, c) },
		"stop": func(ctx context.Context, e *engine.Engine, c string) error {
			return e.Stop(ctx, c, engine.StopOptions{})
		},
		"kill":    func(ctx context.Context, e *engine.Engine, c string) error { return e.Kill(ctx, c, "KILL") },
		"pause":   func(ctx context.Context, e *engine.Engine, c string) error { return e.Pause(ctx, c) },
		"unpause": func(ctx context.Context, e *engine.Engine, c string) error { return e.Unpause(ctx, c) },
		"rm": func(ctx context.Context, e *engine.Engine, c string) error {
			return e.Remove(ctx, c, engine.RemoveOptions{})
		},
		"resize": func(ctx context.Context, e *engine.Engine, c string) error { return e.Resize(ctx, c, 1, 1) },
		"exec": func(ctx context.Context, e *engine.Engine, c string) error {
			_, err := e.ExecCreate(ctx, c, api.ExecCreateRequest{Cmd: []string{"x"}})
			return err
		},
	}
	const done, same = "", "same"
	stopFirst := "stop the container before removing or force remove"
	rows := map[string]map[string]string{ // what is said, by state and verb; `same`: refuse.ErrNotModified
		"created": {"start": done, "stop": same, "kill": "is not running", "pause": "is not running",
			"unpause": "is not paused", "rm": done,
			"resize": "is not running", "exec": "is not running"},
		"running": {"start": same, "stop": done, "kill": done, "pause": done, "unpause": "is not paused",
			"rm":     "container is running: " + stopFirst,
			"resize": done, "exec": done},
		"paused": {"start": "cannot start a paused container, try unpause instead", "stop": done, "kill": done,
			"pause":   "is already paused",
			"unpause": done, "rm": "container is paused: unpause and then " + stopFirst, "resize": done,
			"exec": "is paused, unpause the container before exec"},
		"exited": {"start": done, "stop": same, "kill": "is not running", "pause": "is not running",
			"unpause": "is not paused", "rm": done,
			"resize": "is not running", "exec": "is not running"},
		"restarting": {"start": done, "stop": done, "kill": done,
			"pause":   "is restarting, wait until the container is running",
			"unpause": "is not paused", "rm": "container is restarting: " + stopFirst, "resize": "is not running",
			"exec": "is restarting, wait until the container is running"},
	}
	r := newRig(t, nil)
	n := 0
	for state, bring := range r.states() {
		for verb, says := range rows[state] {
			n++
			name := fmt.Sprint("it", n)
			bring(name)
			before := r.state(name)
			r.since()
			err := verbs[verb](t.Context(), r.Engine, name)
			what := verb + " of one that is " + state
			if state == "restarting" { // and goes on doing so
				_ = r.Remove(t.Context(), name, engine.RemoveOptions{Force: true}) // the verb may have
			}
			switch {
			case says == done:
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				continue
			case says == same && !errors.Is(err, refuse.ErrNotModified),
				says != same && (err == nil || !strings.Contains(err.Error(), says)):
				t.Errorf("%s: %v", what, err)
			case says != same && !errdefs.IsConflict(err) && verb != "unpause": // which Docker answers with 500
				t.Errorf("%s is of another class: %v", what, err)
			}
			if state == "restarting" {
				continue
			}
			if after := r.state(name); after.Status != before.Status || after.Error != before.Error ||
				after.ExitCode != before.ExitCode {
				t.Errorf("%s was refused and made %+v of %+v", what, after, before)
			}
			if told := r.since(); len(told) > 0 {
				t.Errorf("%s was refused and told %q", what, told)
			}
		}
	}
	if n != len(rows)*len(verbs) {
		t.Errorf("%d pairs were tried of %d", n, len(rows)*len(verbs))
	}
}

// TestNoSuchContainer: each verb says which container is not there, and a prefix that two have names neither.
func TestNoSuchContainer(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	verbs := map[string]func(ref string) error{
		"start":   func(ref string) error { return r.Start(ctx, ref) },
		"pause":   func(ref string) error { return r.Pause(ctx, ref) },
		"stop":    func(ref string) error { return r.Stop(ctx, ref, engine.StopOptions{}) },
		"restart": func(ref string) error { return r.Restart(ctx, ref, engine.StopOptions{}) },
		"kill":    func(ref string) error { return r.Kill(ctx, ref, "") },
		"unpause": func(ref string) error { return r.Unpause(ctx, ref) },
		"rename":  func(ref string) error { return r.Rename(ctx, ref, "other") },
		"rm":      func(ref string) error { return r.Remove(ctx, ref, engine.RemoveOptions{Force: true}) },
		"update":  func(ref string) error { _, err := r.Update(ctx, ref, api.UpdateConfig{}); return err },
		"inspect": func(ref string) error { _, err := r.Inspect(ctx, ref, true); return err },
		"wait":    func(ref string) error { _, err := r.Wait(ctx, ref, "", func() { t.Error("found") }); return err },
		"logs":    func(ref string) error { _, err := r.Logs(ref, engine.LogOptions{Stdout: true}); return err },
		"commit":  func(ref string) error { _, err := r.Commit(ctx, ref, engine.Commission{}); return err },
		"export":  func(ref string) error { _, err := r.Export(ctx, ref); return err },
		"diff":    func(ref string) error { _, err := r.Changes(ctx, ref); return err },
		"cp":      func(ref string) error { _, err := r.StatPath(ctx, ref, "/"); return err },
		"exec": func(ref string) error {
			_, err := r.ExecCreate(ctx, ref, api.ExecCreateRequest{Cmd: []string{"x"}})
			return err
		},
		"resize": func(ref string) error { return r.Resize(ctx, ref, 1, 1) },
		"top":    func(ref string) error { _, err := r.Top(ctx, ref, ""); return err },
	}
	ids := map[string]bool{} // first digits
	var both string
	for n := 0; both == ""; n++ {
		first := r.create(fmt.Sprint("z", n), nil)[:1] // no digit of an ID
		if ids[first] {
			both = first
		}
		ids[first] = true
	}
	for verb, do := range verbs {
		if err := do("nobody"); !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "No such container: nobody") {
			t.Errorf("%s: %v", verb, err)
		}
		for ref, says := range map[string]string{"": "invalid name or ID supplied",
			both: "multiple IDs found with provided prefix: " + both} {
			if err := do(ref); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), says) {
				t.Errorf("%s of %q: %v", verb, ref, err)
			}
		}
	}
}

// TestNames: a container answers to its ID, a part of it, and its name, and a name is one container's.
func TestNames(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.create("web", nil)
	other := r.create("", nil)
	for _, ref := range []string{id, id[:12], "web", "/web"} {
		if i, err := r.Inspect(ctx, ref, false); err != nil || i.ID != id {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for name, row := range map[string]struct {
		class func(error) bool
		says  string
	}{
		"":        {errdefs.IsInvalidArgument, "Neither old nor new names may be empty"},
		"/":       {errdefs.IsInvalidArgument, "Neither old nor new names may be empty"},
		"web":     {errdefs.IsConflict, `The container name "/web" is already in use by container "` + id},
		"a b":     {errdefs.IsInvalidArgument, "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"},
		"../x":    {errdefs.IsInvalidArgument, "only [a-zA-Z0-9]"},
		"-x":      {errdefs.IsInvalidArgument, "only [a-zA-Z0-9]"},
		"a\nb":    {errdefs.IsInvalidArgument, "only [a-zA-Z0-9]"},
		"é":       {errdefs.IsInvalidArgument, "only [a-zA-Z0-9]"},
		"a/b":     {errdefs.IsInvalidArgument, ""},
		".hidden": {errdefs.IsInvalidArgument, "only [a-zA-Z0-9]"},
	} {
		if err := r.Rename(ctx, other, name); err == nil || !row.class(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("rename to %q: %v", name, err)
		}
	}
	if err := r.Rename(ctx, "web", "web"); !errdefs.IsInvalidArgument(err) ||
		!strings.Contains(err.Error(), "same name as its current") {
		t.Error(err)
	}
	if err := errors.Join(r.Rename(ctx, "web", "site"), r.Rename(ctx, other, "web")); err != nil {
		t.Fatal(err)
	}
	if i, err := r.Inspect(ctx, "web", false); err != nil || i.ID != other {
		t.Errorf("a name that was given up is %v", err)
	}
	r.shut()
	r.open(nil)
	if i, err := r.Inspect(ctx, "site", false); err != nil || i.ID != id {
		t.Errorf("after a start: %v", err)
	}
}

// TestLauncherFails: an error of the keeper leaves the container as it was, tells nothing but of the network that it
// joined and left, and the next try works.
func TestLauncherFails(t *testing.T) {
	errKeeper := errors.New("the keeper is tired")
	for _, row := range []struct {
		verb, state string
		do          func(*rig) error
		want        []string
	}{
		{"pause", "running", func(r *rig) error { return r.Pause(r.t.Context(), "it") }, []string{"container pause name=it"}},
		{"resume", "paused", func(r *rig) error { return r.Unpause(r.t.Context(), "it") },
			[]string{"container unpause name=it"}},
		{"resize", "running", func(r *rig) error { return r.Resize(r.t.Context(), "it", 1, 2) },
			[]string{"container resize name=it"}},
		{"signal", "running", func(r *rig) error { return r.Kill(r.t.Context(), "it", "HUP") },
			[]string{"container kill name=it signal=1"}},
		{"signal", "running", func(r *rig) error { return r.Stop(r.t.Context(), "it", engine.StopOptions{}) },
			[]string{"container kill name=it signal=15", "container die name=it exitCode=0",
				"network disconnect name=host", "container stop name=it"}},
		{"signal", "running", func(r *rig) error { return r.Remove(r.t.Context(), "it", engine.RemoveOptions{Force: true}) },
			[]string{"container kill name=it signal=9", "container die name=it exitCode=0",
				"network disconnect name=host", "container destroy name=it"}},
		{"update", "running", func(r *rig) error {
			_, err := r.Update(r.t.Context(), "it", api.UpdateConfig{Resources: api.Resources{CPUShares: 512}})
			return err
		}, []string{"container update name=it"}},
		{"launch", "created", func(r *rig) error { return r.Start(r.t.Context(), "it") },
			[]string{"network connect name=host", "container start name=it"}},
		{"launch", "exited", func(r *rig) error { return r.Start(r.t.Context(), "it") },
			[]string{"network connect name=host", "container start name=it"}},
	} {
		r := newRig(t, nil)
		r.states()[row.state]("it")
		before := r.state("it")
		shares := func() int64 { i, _ := r.Inspect(t.Context(), "it", false); return i.HostConfig.CPUShares }
		r.since()
		r.l.failing(row.verb, errKeeper)
		err := row.do(r)
		what := fmt.Sprintf("%s of one that is %s", row.verb, row.state)
		if !strings.Contains(fmt.Sprint(err), errKeeper.Error()) {
			t.Errorf("%s: %v", what, err)
		}
		if after := r.state("it"); after.Status != before.Status || after.Pid != before.Pid || shares() != 0 {
			t.Errorf("%s failed and made %+v of %+v, shares %d", what, after, before, shares())
		}
		var undone []string
		if row.verb == "launch" { // as Docker tells it
			undone = []string{"network connect name=host", "network disconnect name=host"}
		}
		if told := r.since(); !slices.Equal(told, undone) {
			t.Errorf("%s failed and told %q", what, told)
		}
		r.l.failing(row.verb, nil)
		if err := row.do(r); err != nil {
			t.Errorf("%s the second time: %v", what, err)
		}
		r.expect(what, row.want...)
	}
}

// TestStartErrors: why a start failed is told by its code and text, in inspect as in the reply, and waiting for it
// ends.
func TestStartErrors(t *testing.T) {
	const runtime = "unable to start container process: exec: \"run\": "
	for said, row := range map[string]struct {
		code  int
		class func(error) bool
		says  string
	}{
		runtime + "executable file not found in $PATH": {127, errdefs.IsInvalidArgument,
			"OCI runtime create failed: "},
		runtime + "stat run: no such file or directory": {127, errdefs.IsInvalidArgument, ": unknown"},
		runtime + "permission denied": {126, errdefs.IsInvalidArgument,
			"permission denied: unknown"},
		runtime + "is a directory": {126, errdefs.IsInvalidArgument, ""},
		runtime + "mount x: not a directory": {126, errdefs.IsInvalidArgument,
			"Are you trying to mount a directory onto a file"},
		runtime + "the kernel is on fire": {128, errdefs.IsInternal,
			"failed to create task for container: "},
		"failed to initialize logging driver: no journal": {128, errdefs.IsInternal,
			"failed to create task for container: failed to initialize logging driver: no journal"},
		"container refused: cgroup: no such file or directory": {127, errdefs.IsInvalidArgument,
			"OCI runtime create failed: cgroup"},
		"something else": {128,
			func(err error) bool { return !errdefs.IsInvalidArgument(err) }, "something else"},
	} {
		r := newRig(t, nil)
		r.create("it", nil)
		r.l.failing("launch", task.Reply{Error: said}.Err())
		err := r.Start(t.Context(), "it")
		if err == nil || !row.class(err) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v", said, err)
		}
		st := r.state("it")
		if st.ExitCode != row.code || st.Error == "" || st.Status != api.StateCreated || st.Pid != 0 || st.Running {
			t.Errorf("%s: %+v", said, st)
		}
		w, err := r.Wait(t.Context(), "it", api.WaitConditionNotRunning, func() {})
		if err != nil || int(w.StatusCode) != row.code || w.Error == nil {
			t.Errorf("%s: waiting gives %+v %v", said, w, err)
		}
	}
}

// TestFailedStartGoes: one of --rm that does not start goes as one that has ended does, and the others stay.
func TestFailedStartGoes(t *testing.T) {
	r := newRig(t, nil)
	r.l.failing("launch", errors.New("no"))
	for _, rm := range []bool{false, true} {
		id := r.create("", func(q *request.Create) { q.Host.AutoRemove = rm })
		gone := make(chan api.WaitResponse, 1)
		waits := make(chan struct{})
		go func() {
			w, _ := r.Wait(t.Context(), id, api.WaitConditionRemoved, func() { close(waits) })
			gone <- w
		}()
		<-waits
		if err := r.Start(t.Context(), id); err == nil {
			t.Fatal("it started")
		}
		if rm {
			select {
			case w := <-gone:
				if w.StatusCode != 128 {
					t.Errorf("%+v", w)
				}
			case <-time.After(time.Minute):
				t.Error("it stays")
			}
			continue
		}
		if st := r.state(id); st.Status != api.StateCreated {
			t.Errorf("%+v", st)
		}
	}
}

// TestUpdate: what a running program gets is what is asked for, what is asked for wrongly changes nothing, and the
// new values are there after a start of the daemon.
func TestUpdate(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.start("it", func(q *request.Create) { q.Host.CPUShares = 100 })
	r.l.heard()
	limit := int64(-1)
	for name, u := range map[string]api.UpdateConfig{
		"a policy that is none": {RestartPolicy: api.RestartPolicy{Name: "sometimes"}},
		"tries without failure": {RestartPolicy: api.RestartPolicy{Name: "always", MaximumRetryCount: 3}},
		"fewer tries than none": {RestartPolicy: api.RestartPolicy{Name: "on-failure", MaximumRetryCount: -1}},
		"too little memory":     {Resources: api.Resources{Memory: 1000}},
		"a processor too many":  {Resources: api.Resources{CpusetCpus: "0-x"}},
	} {
		if _, err := r.Update(ctx, id, u); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if asked := r.l.heard(); len(asked) > 0 {
		t.Errorf("what was refused reached the keeper: %q", asked)
	}
	good := api.UpdateConfig{RestartPolicy: api.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3},
		Resources: api.Resources{CPUShares: 512, PidsLimit: &limit}}
	if _, err := r.Update(ctx, id, good); err != nil {
		t.Fatal(err)
	}
	if asked := r.l.heard(); !slices.Equal(asked, []string{"update shares 512"}) {
		t.Errorf("%q", asked)
	}
	look := func() {
		t.Helper()
		i, err := r.Inspect(ctx, id, false)
		if err != nil || i.HostConfig.CPUShares != 512 || i.HostConfig.RestartPolicy != good.RestartPolicy ||
			i.HostConfig.PidsLimit != nil && *i.HostConfig.PidsLimit > 0 {
			t.Errorf("%+v %v", i.HostConfig.Resources, err)
		}
	}
	look()
	r.shut()
	r.open(nil)
	look()
	auto := r.create("", func(q *request.Create) { q.Host.AutoRemove = true })
	if _, err := r.Update(ctx, auto, good); err == nil {
		t.Error("--rm and a restart policy go together")
	}
}

// TestSignals: names and numbers of signals, and which of them the restart policy takes for the user's wish.
func TestSignals(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	r.start("it", nil)
	for name, want := range map[string]string{"HUP": "signal 1", "sighup": "signal 1", "10": "signal 10",
		"SIGRTMIN+3": "signal 37", "64": "signal 64"} {
		r.l.heard()
		if err := r.Kill(ctx, "it", name); err != nil || !slices.Equal(r.l.heard(), []string{want}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"SIGFOO", "-1", "0", "65", "1000", "KILL KILL", "9x", "SIG"} {
		if err := r.Kill(ctx, "it", name); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked := r.l.heard(); len(asked) > 0 {
		t.Errorf("no signals reached the keeper: %q", asked)
	}
	if err := r.Stop(ctx, "it", engine.StopOptions{Signal: "SIGFOO"}); !errdefs.IsInvalidArgument(err) ||
		!r.state("it").Running {
		t.Errorf("%v", err)
	}
}
