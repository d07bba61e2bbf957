package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/lifecycle"
	"box/engine/request"
	"box/engine/state"
	"box/engine/task"
)

// TestKeeperLost: when the keeper is lost, what it owned has ended by 137, is told to have died, and the restart
// policies say what comes next; a new keeper is asked for until there is one.
func TestKeeperLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newRig(t, func(o *engine.Options) {
			o.Keeper = func(context.Context) error {
				if n := asked.Add(1); n > 1 && n < 5 {
					return errors.New("no memory for one")
				}
				return nil
			}
		})
		plain, paused, always := r.start("plain", nil), r.start("paused", nil), r.start("always", policy("always", 0))
		auto := r.start("auto", func(q *request.Create) { q.Host.AutoRemove = true })
		waiting := r.start("waiting", policy("always", 0))
		if err := r.Pause(t.Context(), "paused"); err != nil {
			t.Fatal(err)
		}
		r.create("created", nil)
		r.l.exit(waiting, 1)
		synctest.Wait()
		r.since()
		owned := r.l.programs()
		began := time.Now()
		r.l.lost <- errors.New("connection reset")
		synctest.Wait()
		time.Sleep(350 * time.Millisecond)
		if n := asked.Load(); n != 5 {
			t.Errorf("a keeper was asked for %d times in %s", n, time.Since(began))
		}
		for id, want := range map[string]api.ContainerState{
			plain: api.StateExited, paused: api.StateExited, "created": api.StateCreated, always: api.StateRestarting,
			waiting: api.StateRunning,
		} {
			if st := r.state(id); st.Status != want || want == api.StateExited && st.ExitCode != 137 || st.Paused {
				t.Errorf("%.12s is %+v, want %s", id, st, want)
			}
		}
		if _, err := r.Inspect(t.Context(), auto, false); !errdefs.IsNotFound(err) {
			t.Errorf("one of --rm stays: %v", err)
		}
		time.Sleep(time.Second)
		if st := r.state(always); !st.Running {
			t.Errorf("%+v", st)
		}
		died := 0
		for _, line := range r.since() {
			if strings.Contains(line, "die ") && strings.HasSuffix(line, "exitCode=137") {
				died++
			}
		}
		if died != 4 {
			t.Errorf("%d ends were told", died)
		}
		for _, p := range owned { // whose ends are no news
			p.end()
		}
		synctest.Wait()
		if st := r.state(always); !st.Running {
			t.Errorf("an end of before ends it: %+v", st)
		}
		r.shut()
	})
}

// left are containers that a daemon left which was killed, by name, and the rig to open the next one with.
func left(t *testing.T, names ...string) (*rig, map[string]string) {
	t.Helper()
	r := newRig(t, func(o *engine.Options) { o.Settings.LiveRestore = true })
	ids := map[string]string{}
	for _, name := range names {
		ids[name] = r.start(name, nil)
	}
	r.shut()
	return r, ids
}

// TestTakenOver: what runs under the keeper when a daemon starts goes on, what ended meanwhile has ended as it did, and
// what neither knows is ended.
func TestTakenOver(t *testing.T) {
	r, ids := left(t, "alive", "frozen", "ended", "vanished", "forgotten", "other-pid")
	pid := func(name string) int { return r.l.find(ids[name]).pid }
	at := time.Now()
	stranger := strings.Repeat("7", 64)
	r.l.found = []task.Status{
		{ID: ids["alive"], Pid: pid("alive"), Started: at},
		{ID: ids["frozen"], Pid: pid("frozen"), Started: at, Paused: true},
		{ID: ids["ended"], Pid: pid("ended"), Started: at,
			Exit: &task.Exit{Container: ids["ended"], Pid: pid("ended"), Code: 9, At: at}},
		{ID: ids["other-pid"], Pid: 77, Started: at}, {ID: stranger, Pid: 78, Started: at},
		{ID: strings.Repeat("8", 64), Pid: 79, Exit: &task.Exit{Pid: 79}},
	}
	// A status of the exec root that was cut off is no better than none; the state file has it.
	must(t, os.WriteFile(filepath.Join(r.dir, "run/containers", ids["forgotten"]+".json"), []byte(`{"State":"run`), 0o600))
	r.l.exit(ids["ended"], 9)
	r.l.heard()
	r.open(nil)
	for name, want := range map[string]api.ContainerState{
		"alive": api.StateRunning, "frozen": api.StatePaused, "vanished": api.StateExited, "forgotten": api.StateExited,
		"other-pid": api.StateRunning,
	} {
		if st := r.state(name); st.Status != want || want == api.StateExited && st.ExitCode != 137 {
			t.Errorf("%s is %+v, want %s", name, st, want)
		}
	}
	if st := r.state("other-pid"); st.Pid != 77 {
		t.Errorf("%+v", st)
	}
	if st := r.becomes("ended", api.StateExited); st.ExitCode != 9 {
		t.Errorf("%+v", st)
	}
	if asked := strings.Join(r.l.heard(), ","); asked != "find,signal 9" {
		t.Errorf("the keeper was asked %s", asked)
	}
	if err := r.Unpause(t.Context(), "frozen"); err != nil {
		t.Error(err)
	}
	if err := r.Kill(t.Context(), "alive", ""); err != nil {
		t.Error(err)
	}
	r.l.exits <- task.Exit{Container: ids["other-pid"], Pid: 77, Code: 4, At: time.Now()}
	if st := r.becomes("other-pid", api.StateExited); st.ExitCode != 4 {
		t.Errorf("%+v", st)
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestMachineStartsAgain: after a start of the machine nothing runs, the code says that nobody saw the end, and the
// policies say what starts.
func TestMachineStartsAgain(t *testing.T) {
	r := newRig(t, func(o *engine.Options) { o.Settings.LiveRestore = true })
	names := map[string]api.ContainerState{}
	start := func(name string, p api.RestartPolicyMode, want api.ContainerState) string {
		names[name] = want
		return r.start(name, policy(p, 0))
	}
	start("plain", "no", api.StateExited)
	start("always", "always", api.StateRunning)
	start("unless", "unless-stopped", api.StateRunning)
	start("on-failure", "on-failure", api.StateRunning)
	start("stopped-always", "always", api.StateRunning)
	start("stopped-unless", "unless-stopped", api.StateExited)
	start("well", "on-failure", api.StateExited)
	auto := r.start("auto", func(q *request.Create) { q.Host.AutoRemove = true })
	r.create("never", policy("always", 0))
	names["never"] = api.StateCreated
	for _, name := range []string{"stopped-always", "stopped-unless"} {
		must(t, r.Stop(t.Context(), name, engine.StopOptions{}))
	}
	r.l.exit(r.id("well"), 0)
	r.becomes("well", api.StateExited)
	r.shut()
	must(t, os.RemoveAll(filepath.Join(r.dir, "run")))
	r.l = newScripted()
	r.open(nil)
	for name, want := range names {
		st := r.becomes(name, want)
		if name == "plain" && st.ExitCode != 255 {
			t.Errorf("%s: %+v", name, st)
		}
	}
	within(t, func() bool { _, err := r.Inspect(t.Context(), auto, false); return errdefs.IsNotFound(err) },
		func() string { return "one of --rm stays" })
	r.shut()
	must(t, os.RemoveAll(filepath.Join(r.dir, "run")))
	r.l = newScripted()
	r.open(func(o *engine.Options) { o.NoRestarts = true })
	if st := r.state("always"); st.Running {
		t.Errorf("started though nothing is to start: %+v", st)
	}
}

func (r *rig) id(ref string) string {
	r.t.Helper()
	i, err := r.Inspect(r.t.Context(), ref, false)
	must(r.t, err)
	return i.ID
}

// TestDamagedContainers: a container whose record or folder cannot be used is shown, says why, does nothing, and can
// be removed; the others are as they were.
func TestDamagedContainers(t *testing.T) {
	r := newRig(t, nil)
	ids := map[string]string{}
	for _, name := range []string{"no-json", "empty-object", "another-id", "no-folder", "file-for-folder", "no-status",
		"odd-status", "well"} {
		ids[name] = r.start(name, nil)
	}
	ids["never-started"] = r.create("never-started", nil)
	same := r.create("same", nil)
	r.shut()
	db, err := state.Open(filepath.Join(r.dir, "data/box.db"))
	must(t, err)
	raw := state.Table[any]{Name: lifecycle.Records.Name}
	statuses := state.Table[any]{Name: lifecycle.Statuses.Name}
	must(t, db.Update(func(tx *state.Tx) error {
		rec, err := lifecycle.Records.Get(tx, ids["another-id"])
		rec.ID = strings.Repeat("3", 64)
		twin, twinErr := lifecycle.Records.Get(tx, same)
		twin.Name = "well"
		return errors.Join(err, twinErr, raw.Put(tx, ids["no-json"], "text"),
			raw.Put(tx, ids["empty-object"], map[string]int{}),
			lifecycle.Records.Put(tx, ids["another-id"], rec), lifecycle.Records.Put(tx, same, twin),
			statuses.Delete(tx, ids["no-status"]), statuses.Put(tx, ids["odd-status"], "text"))
	}), db.Close(), os.RemoveAll(filepath.Join(r.dir, "run")), os.RemoveAll(r.folder(ids["no-folder"])),
		os.RemoveAll(r.folder(ids["never-started"])), os.RemoveAll(r.folder(ids["file-for-folder"])),
		os.WriteFile(r.folder(ids["file-for-folder"]), nil, 0o600))
	r.open(nil)
	for name, says := range map[string]string{
		"no-json": "", "empty-object": "no configuration", "another-id": "no configuration", "no-folder": "no such file",
		"file-for-folder": "not a directory",
	} {
		id := ids[name]
		st := r.state(id)
		if st.Status != api.StateDead || !strings.Contains(st.Error, says) || st.Error == "" {
			t.Errorf("%s: %+v", name, st)
		}
		if err := r.Start(t.Context(), id); !errdefs.IsConflict(err) ||
			!strings.Contains(err.Error(), "is damaged and can only be removed") {
			t.Errorf("start of %s: %v", name, err)
		}
		for verb, err := range map[string]error{
			"rename": nil, "pause": r.Pause(t.Context(), id), "kill": r.Kill(t.Context(), id, ""),
			"commit": func() error { _, err := r.Commit(t.Context(), id, engine.Commission{}); return err }(),
			"update": func() error { _, err := r.Update(t.Context(), id, api.UpdateConfig{}); return err }(),
			"logs":   func() error { _, err := r.Logs(id, engine.LogOptions{Stdout: true}); return err }(),
		} {
			if verb != "rename" && err == nil {
				t.Errorf("%s of %s works", verb, name)
			}
		}
		if err := r.Remove(t.Context(), id, engine.RemoveOptions{}); err != nil {
			t.Errorf("rm of %s: %v", name, err)
		}
	}
	for _, name := range []string{"well", "never-started", "odd-status", "no-status"} {
		if err := r.Start(t.Context(), ids[name]); err != nil {
			t.Errorf("start of %s: %v", name, err)
		}
	}
	list, err := r.List(t.Context(), engine.ListOptions{All: true})
	must(t, err)
	names := map[string]int{}
	for _, c := range list {
		for _, n := range c.Names {
			names[n]++
		}
	}
	if len(list) != 5 || names["/well"]+names[fmt.Sprintf("/duplicate_%.12s", same)]+
		names[fmt.Sprintf("/duplicate_%.12s", ids["well"])] != 2 {
		t.Errorf("%v", names)
	}
	r.shut()
	r.open(nil)
	if list, err := r.List(t.Context(), engine.ListOptions{All: true}); err != nil || len(list) != 5 {
		t.Errorf("after a start there are %d, %v", len(list), err)
	}
}

// TestSweep: what a crash left of containers that are not there goes, and nothing else.
func TestSweep(t *testing.T) {
	r := newRig(t, nil)
	id := r.create("web", nil)
	r.shut()
	stray := strings.Repeat("9", 64)
	layer := filepath.Join(r.dir, "data/image/vfs/layerdb/mounts")
	must(t, os.MkdirAll(r.folder(stray)+"/deep", 0o700), os.MkdirAll(filepath.Join(layer, stray), 0o700),
		os.WriteFile(filepath.Join(r.dir, "run/containers", stray+".json"), []byte("{}"), 0o600),
		os.WriteFile(filepath.Join(r.dir, "data/note"), nil, 0o600))
	r.open(nil)
	for path, want := range map[string]bool{
		r.folder(stray): false, filepath.Join(layer, stray): false,
		filepath.Join(r.dir, "run/containers", stray+".json"): false,
		r.folder(id): true, filepath.Join(layer, id): true, filepath.Join(r.dir, "data/note"): true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there %v, want %v", path, err == nil, want)
		}
	}
}

// TestRootsOfOthers: a data root of another engine, or one that a daemon has open, is refused and left as it is.
func TestRootsOfOthers(t *testing.T) {
	for _, name := range []string{"containerd", "engine-id", "network", "swarm", "buildkit", "runtimes", "plugins",
		"balena-engine"} {
		dir := home(t)
		must(t, os.MkdirAll(filepath.Join(dir, "data", name), 0o700))
		_, err := engine.Open(t.Context(), options(dir, "vfs", nil))
		if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "--data-root") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "data")); len(left) != 1 {
			t.Errorf("%s: %v", name, left)
		}
		if _, err := engine.Recover(t.Context(), options(dir, "vfs", nil)); !errdefs.IsFailedPrecondition(err) {
			t.Errorf("recover beside %s: %v", name, err)
		}
	}
	r := newRig(t, nil)
	if _, err := engine.Open(t.Context(), options(r.dir, "vfs", nil)); err == nil {
		t.Error("two engines have one root")
	}
	if _, err := engine.Recover(t.Context(), options(r.dir, "vfs", nil)); err == nil {
		t.Error("a state in use is made again")
	}
	r.l.failing("find", errors.New("no keeper"))
	r.shut()
	_, err := engine.Open(t.Context(),
		func() engine.Options { o := options(r.dir, "vfs", nil); o.Tasks = r.l; return o }())
	if err == nil || !strings.Contains(err.Error(), "no keeper") {
		t.Errorf("without a keeper: %v", err)
	}
	r.l.failing("find", nil)
	r.open(nil) // nothing holds the root any more
}
