package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine"
	"box/engine/ident"
	"box/engine/progress"
	"box/engine/request"
	"box/engine/task"
)

// scripted is a launcher of which a test says what fails, how programs end, and what the keeper had before.
type scripted struct {
	*Launcher
	mu    sync.Mutex
	fail  map[string]error // by verb
	asked []string
	found []task.Status
	lost  chan error // what ends Watch
	// run is an exec: it writes to out and returns its code once it has ended. nil: the launcher's own.
	run func(ctx context.Context, argv []string, out *os.File) int
	// execs end when their programs are killed.
	execs map[string]context.CancelFunc
}

func newScripted() *scripted {
	return &scripted{Launcher: NewLauncher(), fail: map[string]error{}, lost: make(chan error),
		execs: map[string]context.CancelFunc{}}
}

// failing makes a verb fail from now on, or no more.
func (s *scripted) failing(verb string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[verb] = err
}

// ask notes a request and gives the error that is due.
func (s *scripted) ask(verb, detail string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, strings.TrimSpace(verb+" "+detail))
	return s.fail[verb]
}

// heard gives and forgets what was asked of the launcher, but for what ends are forgotten.
func (s *scripted) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.DeleteFunc(s.asked, func(a string) bool { return a == "forget" })
	s.asked = nil
	return out
}

// exit ends the program of a container.
func (s *scripted) exit(id string, code int) {
	p := s.find(id)
	p.code = code
	p.end()
}

func (s *scripted) Launch(ctx context.Context, l task.Launch, attached []*os.File) (task.Status, error) {
	if err := s.ask("launch", ""); err != nil {
		for _, f := range attached {
			f.Close()
		}
		return task.Status{}, err
	}
	return s.Launcher.Launch(ctx, l, attached)
}

func (s *scripted) Find(context.Context) ([]task.Status, error) { return s.found, s.ask("find", "") }

func (s *scripted) Watch(ctx context.Context, fn func(task.Exit)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-s.lost:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	err := s.Launcher.Watch(ctx, fn)
	return errors.Join(err, context.Cause(ctx))
}

func (s *scripted) Task(id string) task.Task { return &scriptedTask{s.Launcher.Task(id), s, id} }

// scriptedTask is a task of a scripted launcher.
type scriptedTask struct {
	task.Task
	s  *scripted
	id string
}

func (t *scriptedTask) Signal(ctx context.Context, exec string, sig unix.Signal, all bool) error {
	if err := t.s.ask("signal", fmt.Sprint(int(sig))); err != nil {
		return err
	}
	if exec == "" {
		return t.Task.Signal(ctx, exec, sig, all)
	}
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if end := t.s.execs[exec]; end != nil {
		end()
	}
	return nil
}

func (t *scriptedTask) Exec(ctx context.Context, x task.Exec, attached []*os.File) (int, error) {
	if err := t.s.ask("exec", strings.Join(x.Process.Args, " ")); err != nil {
		for _, f := range attached {
			f.Close()
		}
		return 0, err
	}
	if t.s.run == nil {
		return t.Task.Exec(ctx, x, attached)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t.s.mu.Lock()
	t.s.execs[x.ID] = cancel
	t.s.mu.Unlock()
	go func() {
		var out *os.File
		if len(attached) > 0 {
			out = attached[0]
		}
		code := t.s.run(ctx, x.Process.Args, out)
		for _, f := range attached {
			f.Close()
		}
		t.s.exits <- task.Exit{Container: t.id, Exec: x.ID, Pid: firstPid, Code: code, At: time.Now()}
	}()
	return firstPid, nil
}

func (t *scriptedTask) Attach(ctx context.Context, exec string, a task.Attach, f *os.File) error {
	if err := t.s.ask("attach", ""); err != nil {
		f.Close()
		return err
	}
	return t.Task.Attach(ctx, exec, a, f)
}

func (t *scriptedTask) Pause(context.Context) error          { return t.s.ask("pause", "") }
func (t *scriptedTask) Resume(context.Context) error         { return t.s.ask("resume", "") }
func (t *scriptedTask) Forget(context.Context, string) error { return t.s.ask("forget", "") }

func (t *scriptedTask) Update(_ context.Context, r *specs.LinuxResources) error {
	detail := ""
	if r.CPU != nil && r.CPU.Shares != nil {
		detail = fmt.Sprint("shares ", *r.CPU.Shares)
	}
	return t.s.ask("update", detail)
}

func (t *scriptedTask) Resize(_ context.Context, _ string, width, height uint16) error {
	return t.s.ask("resize", fmt.Sprintf("%dx%d", width, height))
}

// rig is an engine with the image base:1, whose programs a test drives, and what it tells on its bus.
type rig struct {
	*engine.Engine
	t   testing.TB
	l   *scripted
	dir string

	mu   sync.Mutex
	told []events.Message
}

// newRig opens an engine. change, when not nil, may set more options.
func newRig(t testing.TB, change func(*engine.Options)) *rig {
	t.Helper()
	r := &rig{t: t, l: newScripted(), dir: home(t)}
	r.open(change)
	r.load(archive(t, "base:1", "base"))
	return r
}

func (r *rig) open(change func(*engine.Options)) {
	r.t.Helper()
	r.Engine = Reopen(r.t, r.dir, func(o *engine.Options) {
		o.Tasks = r.l
		if change != nil {
			change(o)
		}
	})
	listening := make(chan struct{})
	go func() {
		_ = r.Events().Subscribe(r.t.Context(), time.Time{}, time.Time{}, func() { close(listening) },
			func(m events.Message) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.told = append(r.told, m)
				return nil
			})
	}()
	<-listening
}

// shut closes the engine as one whose daemon is told to end.
func (r *rig) shut() {
	r.t.Helper()
	if err := r.Close(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) load(raw []byte) {
	r.t.Helper()
	err := r.Load(r.t.Context(), bytes.NewReader(raw), engine.LoadOptions{Quiet: true},
		func(progress.Line) error { return nil })
	if err != nil {
		r.t.Fatal(err)
	}
}

// create makes a container of base:1; edit, when not nil, changes the request.
func (r *rig) create(name string, edit func(*request.Create)) string {
	r.t.Helper()
	q := request.Create{
		Name: name, Config: &api.Config{Image: "base:1", Cmd: []string{"run"}},
		Host: &api.HostConfig{NetworkMode: "host", IpcMode: "none"},
	}
	if edit != nil {
		edit(&q)
	}
	made, err := r.Create(r.t.Context(), q)
	if err != nil {
		r.t.Fatalf("create %s: %v", name, err)
	}
	return made.ID
}

// start makes a container and runs it.
func (r *rig) start(name string, edit func(*request.Create)) string {
	r.t.Helper()
	id := r.create(name, edit)
	if err := r.Start(r.t.Context(), id); err != nil {
		r.t.Fatalf("start %s: %v", name, err)
	}
	return id
}

// state is how a container is, with what a listing shows of it.
func (r *rig) state(ref string) *api.State {
	r.t.Helper()
	i, err := r.Inspect(r.t.Context(), ref, false)
	if err != nil {
		r.t.Fatal(err)
	}
	return i.State
}

// becomes waits until a container is in a state.
func (r *rig) becomes(ref string, want api.ContainerState) *api.State {
	r.t.Helper()
	var last *api.State
	within(r.t, func() bool { last = r.state(ref); return last.Status == want }, func() string {
		return fmt.Sprintf("%s is %+v and does not become %s", ref, last, want)
	})
	return last
}

// within waits for something that comes in the background.
func within(t testing.TB, there func() bool, missing func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !there(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(missing())
		}
	}
}

// since gives and forgets what was told, in lines, up to now: before a mark on the bus.
func (r *rig) since() []string {
	r.t.Helper()
	mark := ident.New()
	r.Events().Publish(context.Background(), "mark", "mark", mark, map[string]string{})
	var out []string
	within(r.t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		n := slices.IndexFunc(r.told, func(m events.Message) bool { return m.Actor.ID == mark })
		if n < 0 {
			return false
		}
		for _, m := range r.told[:n] {
			out = append(out, told(m))
		}
		r.told = slices.Delete(r.told, 0, n+1)
		return true
	}, func() string { return "the bus does not tell" })
	return out
}

// hears waits until a kind of action was told of n times since the last time.
func (r *rig) hears(action string, n int) {
	r.t.Helper()
	within(r.t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		seen := 0
		for _, m := range r.told {
			if strings.HasPrefix(string(m.Action), action) {
				seen++
			}
		}
		return seen >= n
	}, func() string { return fmt.Sprintf("%s is not told of %d times", action, n) })
}

// told is an event in a line: what kind of thing, what happened, to whom, and what else matters.
func told(m events.Message) string {
	line := fmt.Sprintf("%s %s", m.Type, m.Action)
	for _, key := range []string{"name", "oldName", "signal", "exitCode", "imageRef"} {
		if v, ok := m.Actor.Attributes[key]; ok {
			line += " " + key + "=" + v
		}
	}
	return line
}

// expect compares lines with what was told since the last time.
func (r *rig) expect(what string, want ...string) {
	r.t.Helper()
	if got := r.since(); !slices.Equal(got, want) {
		r.t.Errorf("%s tells\n\t%s\nand should tell\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// folder is where a container has its files.
func (r *rig) folder(id string) string { return filepath.Join(r.dir, "data", "containers", id) }

// programs are what runs, or has ended, in each container.
func (s *scripted) programs() []*program {
	s.Launcher.mu.Lock()
	defer s.Launcher.mu.Unlock()
	return slices.Collect(maps.Values(s.running))
}
