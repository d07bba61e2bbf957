package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/attach"
	"box/engine/task"
)

// exec makes an exec in a container.
func (r *rig) exec(ref string, argv ...string) string {
	r.t.Helper()
	id, err := r.ExecCreate(r.t.Context(), ref, api.ExecCreateRequest{Cmd: argv, AttachStdout: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// output is what an exec prints until its end.
func (r *rig) output(id string) (string, error) {
	a, err := r.ExecStart(r.t.Context(), id, api.ExecStartRequest{}, nil)
	if err != nil {
		return "", err
	}
	defer a.Close()
	raw, err := io.ReadAll(a.Stream.Near)
	return string(raw), err
}

// ended waits for the exit code of an exec.
func (r *rig) ended(id string) (code int) {
	r.t.Helper()
	within(r.t, func() bool {
		i, err := r.ExecInspect(r.t.Context(), id)
		if err != nil {
			r.t.Fatal(err)
		}
		if i.ExitCode == nil {
			return false
		}
		code = *i.ExitCode
		return !i.Running && i.CanRemove
	}, func() string { return "the exec does not end" })
	return code
}

// TestExecLife: an exec is made, runs once, ends with its code, and is told of at each step.
func TestExecLife(t *testing.T) {
	r := newRig(t, nil)
	go_ := make(chan struct{})
	r.l.run = func(_ context.Context, argv []string, out *os.File) int {
		fmt.Fprint(out, strings.Join(argv, ","))
		<-go_
		return 42
	}
	web := r.start("web", nil)
	r.since()
	id := r.exec("web", "echo", "a b")
	i, err := r.ExecInspect(t.Context(), id)
	if err != nil || i.Running || i.ExitCode != nil || i.ContainerID != web || i.ProcessConfig.Entrypoint != "echo" {
		t.Errorf("%+v %v", i, err)
	}
	if s, err := r.Inspect(t.Context(), web, false); err != nil || len(s.ExecIDs) != 1 || s.ExecIDs[0] != id {
		t.Errorf("%v %v", s.ExecIDs, err)
	}
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := r.output(id)
		done <- result{text, err}
	}()
	within(t, func() bool { i, _ := r.ExecInspect(t.Context(), id); return i.Running },
		func() string { return "it does not run" })
	if _, err := r.output(id); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "is already running") {
		t.Errorf("started twice: %v", err)
	}
	close(go_)
	if got := <-done; got.text != "echo,a b" || got.err != nil {
		t.Errorf("%+v", got)
	}
	if code := r.ended(id); code != 42 {
		t.Errorf("code %d", code)
	}
	if _, err := r.output(id); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "has already run") {
		t.Errorf("started again: %v", err)
	}
	if s, err := r.Inspect(t.Context(), web, false); err != nil || s.ExecIDs != nil {
		t.Errorf("%v %v", s.ExecIDs, err)
	}
	r.expect("an exec", "container exec_create: echo a b name=web", "container exec_start: echo a b name=web",
		"container exec_die name=web exitCode=42")
}

// TestExecRefused: what cannot be run is told with the code that the client ends with, is over, and leaves no trace.
func TestExecRefused(t *testing.T) {
	r := newRig(t, nil)
	web := r.start("web", nil)
	for said, row := range map[string]struct {
		code int
		says string
	}{
		`unable to start container process: exec: "x": executable file not found in $PATH`: {127,
			"OCI runtime exec failed: exec failed: unable"},
		`unable to start container process: exec: "x": permission denied`:             {126, ": unknown"},
		`chdir to cwd ("/none") set in config.json failed: no such file or directory`: {127, "chdir"},
		"the keeper is tired": {126, "the keeper is tired"},
	} {
		r.l.failing("exec", task.Reply{Error: said}.Err())
		id := r.exec("web", "x")
		_, err := r.output(id)
		var x *engine.ExecError
		if !errors.As(err, &x) || x.Code != row.code || !strings.Contains(x.Text, row.says) {
			t.Errorf("%s: %v", said, err)
		}
		if code := r.ended(id); code != row.code {
			t.Errorf("%s: inspect shows %d", said, code)
		}
		if err := r.ExecResize(t.Context(), id, 1, 1); err != nil {
			t.Errorf("%s: resize waits: %v", said, err) // the launcher takes every size
		}
	}
	r.l.failing("exec", nil)
	for name, q := range map[string]api.ExecCreateRequest{
		"no command": {}, "keys": {Cmd: []string{"x"}, DetachKeys: "ctrl-"},
	} {
		if _, err := r.ExecCreate(t.Context(), web, q); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for name, q := range map[string]api.ExecCreateRequest{
		"a folder that begins nowhere": {Cmd: []string{"x"}, WorkingDir: "here"},
		"a user that is none":          {Cmd: []string{"x"}, User: "nobody-of-this-name"},
		"a number too large":           {Cmd: []string{"x"}, User: "99999999999"},
	} {
		id, err := r.ExecCreate(t.Context(), web, q)
		if err != nil {
			t.Fatal(err)
		}
		r.l.heard()
		if _, err := r.output(id); err == nil {
			t.Errorf("%s is taken", name)
		}
		if asked := r.l.heard(); len(asked) > 0 {
			t.Errorf("%s reached the keeper: %q", name, asked)
		}
		if code := r.ended(id); code != 126 {
			t.Errorf("%s ends with %d", name, code)
		}
	}
	for _, id := range []string{"", "x", strings.Repeat("0", 64)} {
		if _, err := r.ExecInspect(t.Context(), id); !errdefs.IsNotFound(err) ||
			!strings.Contains(err.Error(), "No such exec instance: "+id) {
			t.Errorf("%q: %v", id, err)
		}
		if err := r.ExecResize(t.Context(), id, 1, 1); !errdefs.IsNotFound(err) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestExecsGo: execs that wait go with the program of their container, and with the container; one whose client went
// away before it began is not started.
func TestExecsGo(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	id := r.start("web", nil)
	waits := r.exec("web", "x")
	if err := r.Pause(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.output(waits); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "is paused") {
		t.Errorf("in a frozen container: %v", err)
	}
	if err := r.Unpause(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the client is gone")
	if _, err := r.ExecStart(ctx, waits, api.ExecStartRequest{}, func(bool) error { return gone }); !errors.Is(err, gone) {
		t.Error(err)
	}
	if i, err := r.ExecInspect(ctx, waits); err != nil || i.Running || i.ExitCode != nil {
		t.Errorf("it was started for nobody: %+v %v", i, err)
	}
	r.l.exit(id, 0)
	r.becomes(id, api.StateExited)
	within(t, func() bool { _, err := r.ExecInspect(ctx, waits); return errdefs.IsNotFound(err) },
		func() string { return "it waits for ever" })
	if err := r.Start(ctx, id); err != nil {
		t.Fatal(err)
	}
	again := r.exec("web", "x")
	if err := r.Remove(ctx, id, engine.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ExecInspect(ctx, again); !errdefs.IsNotFound(err) {
		t.Errorf("it outlives its container: %v", err)
	}
}

// TestManyExecs: who makes execs and starts none takes no more than its share, and the others stay.
func TestManyExecs(t *testing.T) {
	r := newRig(t, nil)
	r.start("web", nil)
	const most = 4096
	first, second := r.exec("web", "x"), r.exec("web", "x")
	for range most - 1 {
		r.exec("web", "x")
	}
	if _, err := r.ExecInspect(t.Context(), first); !errdefs.IsNotFound(err) {
		t.Errorf("the oldest of %d stays: %v", most+1, err)
	}
	if _, err := r.ExecInspect(t.Context(), second); err != nil {
		t.Error(err)
	}
}

// TestResize: the size goes to the terminal that is meant, and that of an exec waits for its start.
func TestResize(t *testing.T) {
	r := newRig(t, nil)
	stay := make(chan struct{})
	defer close(stay)
	r.l.run = func(context.Context, []string, *os.File) int { <-stay; return 0 }
	r.start("web", nil)
	id := r.exec("web", "sh")
	done := make(chan error, 1)
	go func() { done <- r.ExecResize(t.Context(), id, 24, 80) }()
	time.Sleep(20 * time.Millisecond) // it may be waiting by now
	r.l.heard()
	a, err := r.ExecStart(t.Context(), id, api.ExecStartRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if asked := r.l.heard(); len(asked) != 2 || asked[0] != "exec sh" || asked[1] != "resize 80x24" {
		t.Errorf("%q", asked)
	}
	r.l.failing("resize", fmt.Errorf("no such program: %w", errdefs.ErrNotFound))
	if err := r.ExecResize(t.Context(), id, 1, 1); !errdefs.IsConflict(err) ||
		!strings.Contains(err.Error(), "is not running") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.ExecResize(ctx, r.exec("web", "x"), 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a client that went away: %v", err)
	}
}

// TestAttachWaits: a client that attaches before the start gets what the program says from its first byte, and one
// whose container goes, or whose keeper fails, hears the end.
func TestAttachWaits(t *testing.T) {
	r := newRig(t, nil)
	ctx := t.Context()
	open := func(ref string) *attach.Attachment {
		t.Helper()
		a, err := r.Attach(ctx, ref, attach.Options{Stdin: true, Stdout: true, Stream: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		return a
	}
	over := func(what string, a *attach.Attachment) {
		t.Helper()
		_ = a.Stream.Near.SetReadDeadline(time.Now().Add(time.Minute)) // a socket has deadlines
		if n, err := a.Stream.Near.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: %d bytes, %v", what, n, err)
		}
	}
	id := r.create("web", nil)
	a := open("web")
	if err := r.Start(ctx, "web"); err != nil {
		t.Fatal(err)
	}
	late := open("web")
	for what, a := range map[string]*attach.Attachment{"before": a, "late": late} {
		if _, err := a.Stream.Near.Write([]byte(what)); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(what))
		if _, err := io.ReadFull(a.Stream.Near, got); err != nil || string(got) != what {
			t.Errorf("%s: %q %v", what, got, err)
		}
	}
	r.l.exit(id, 0)
	over("the end of the program, before", a)
	over("the end of the program, late", late)
	r.becomes(id, api.StateExited)

	a = open("web")
	r.l.failing("launch", errors.New("no"))
	if err := r.Start(ctx, "web"); err == nil {
		t.Fatal("it started")
	}
	over("a start that failed", a)
	r.l.failing("launch", nil)
	a = open("web")
	if err := r.Remove(ctx, "web", engine.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	over("a removal", a)

	r.start("site", nil)
	r.l.failing("attach", errors.New("too many"))
	if _, err := r.Attach(ctx, "site", attach.Options{Stdout: true, Stream: true}); err == nil ||
		!strings.Contains(err.Error(), "too many") {
		t.Errorf("%v", err)
	}
	if _, err := r.Attach(ctx, "site", attach.Options{DetachKeys: "ctrl-"}); err == nil {
		t.Error("keys that are none are taken")
	}
	if err := r.Pause(ctx, "site"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Attach(ctx, "site", attach.Options{Stdout: true, Stream: true}); !errdefs.IsConflict(err) {
		t.Errorf("in a frozen container: %v", err)
	}
}
