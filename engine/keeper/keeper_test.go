package keeper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/logs"
	"box/engine/task"
)

// logged returns what a container's log has, stream by stream.
func (n *nursery) logged(id string) string {
	n.t.Helper()
	var all strings.Builder
	must(n.t, logs.Files{Path: n.logPath(id)}.Read(context.Background(), logs.Query{Tail: -1}, func(e *logs.Entry) error {
		fmt.Fprintf(&all, "%s:%s", e.Stream, e.Text)
		return nil
	}))
	return all.String()
}

// TestExitCodes checks that Find and Watch report a program's end as a shell does, and that the log has all of its
// output by then.
func TestExitCodes(t *testing.T) {
	n := startNursery(t)
	want := map[string]int{"ok": 0, "seven": 7, "killed": 137, "terminated": 143, "most": 255}
	for id, text := range map[string]string{
		"ok": "echo out; echo err >&2", "seven": "exit 7", "killed": "kill -KILL $$", "terminated": "kill -TERM $$",
		"most": "exit 255",
	} {
		s, err := n.launch(id, text)
		if err != nil || s.ID != id || s.Pid == 0 || s.Started.IsZero() {
			t.Errorf("%s: %+v, %v", id, s, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	told := map[string]int{}
	if err := n.client.Watch(ctx, func(x task.Exit) {
		if told[x.Container] = x.Code; len(told) == len(want) {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for id, code := range want {
		if x := n.exit(id, ""); x.Code != code || told[id] != code || x.Pid == 0 || x.At.IsZero() || x.OOMKilled {
			t.Errorf("%s ended with %+v, Watch told %d, want %d", id, *x, told[id], code)
		}
	}
	if text := n.logged("ok"); text != "stdout:out\nstderr:err\n" && text != "stderr:err\nstdout:out\n" {
		t.Errorf("logged %q", text)
	}
	n.clear()
	if list, err := n.client.Find(ctx); len(list) > 0 || err == nil {
		t.Errorf("%+v, %v by a context that has ended", list, err)
	}
	if list, err := n.client.Find(context.Background()); len(list) > 0 || err != nil {
		t.Errorf("left after all is forgotten: %+v, %v", list, err)
	}
}

// TestStartsThatFail checks that a launch leaves nothing whichever of its steps fails: no container and no open
// descriptor of the client's streams. The same ID can be launched next.
func TestStartsThatFail(t *testing.T) {
	n := startNursery(t)
	broken := errors.New("broken")
	noLog := task.Log{Driver: "json-file", Path: filepath.Join(n.dir, "no", "folder")}
	for _, row := range []struct {
		what   string
		fail   string
		launch task.Launch
		want   string
	}{
		{"the runtime refuses", "Create", task.Launch{Spec: script("true")}, "broken"},
		{"the program cannot be started", "Start", task.Launch{Spec: script("true")}, "broken"},
		{"no log", "", task.Launch{Spec: script("true"), Log: noLog}, "no such file or directory"},
		{"no such log driver", "", task.Launch{Spec: script("true"), Log: task.Log{Driver: "odd"}}, `log driver "odd"`},
		{"no such runtime", "", task.Launch{Spec: script("true"), Runtime: "odd"}, "unknown or invalid runtime name: odd"},
		{"no spec", "", task.Launch{}, "launch without a spec"},
		{"no process", "", task.Launch{Spec: &specs.Spec{}}, "launch without a spec"},
	} {
		n.runtime.failing(row.fail, broken)
		r, w, err := os.Pipe()
		must(t, err)
		row.launch.ID, row.launch.Attach = "c", []task.Attach{{Stdout: true}}
		_, err = n.client.Launch(context.Background(), row.launch, []*os.File{w})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v; want %q", row.what, err, row.want)
		}
		must(t, r.SetReadDeadline(time.Now().Add(time.Minute)))
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil { // waits until nobody has it open
			t.Errorf("%s: the stream says %q, %v", row.what, rest, err)
		}
		r.Close()
		if list, err := n.client.Find(context.Background()); len(list) > 0 || err != nil {
			t.Errorf("%s: left: %+v, %v", row.what, list, err)
		}
		if row.fail == "Start" && n.runtime.times("Delete") != 1 {
			t.Errorf("%s: the container was deleted %d times", row.what, n.runtime.times("Delete"))
		}
	}
	n.runtime.failing("", nil)
	if _, err := n.launch("c", "exit 3"); err != nil {
		t.Fatal(err)
	}
	if x := n.exit("c", ""); x.Code != 3 {
		t.Errorf("%+v", x)
	}
	if _, err := n.launch("c", "true"); !errdefs.IsAlreadyExists(err) {
		t.Errorf("the same ID before it was forgotten: %v", err)
	}
}

// TestDescriptorsMatch checks that a request with more or fewer descriptors than it says is refused, and that they
// are closed.
func TestDescriptorsMatch(t *testing.T) {
	n := startNursery(t)
	_, err := n.launch("c", "exec sleep 1000")
	must(t, err)
	socket := n.k.o.Listener.Addr().String()
	for _, q := range []task.Request{
		{Verb: task.VerbLaunch, ID: "d", Launch: &task.Launch{ID: "d", Spec: script("true")}},
		{Verb: task.VerbExec, ID: "c", Exec: "e", Run: &task.Exec{ID: "e", Process: script("true").Process}},
		{Verb: task.VerbExec, ID: "c"},
		{Verb: task.VerbAttach, ID: "c"},
		{Verb: task.VerbAttach, ID: "nobody", Attach: &task.Attach{}},
		{Verb: task.VerbHold, ID: "key", Forward: []string{"127.0.0.1:1", "127.0.0.1:2"}},
		{Verb: task.VerbKeep, Names: []string{"a", "b"}},
		{Verb: "no such verb"},
	} {
		r, w, err := os.Pipe()
		must(t, err)
		conn := send(t, socket, q, w)
		w.Close()
		var reply task.Reply
		if _, err := task.Receive(conn, &reply); err != nil || reply.Err() == nil {
			t.Errorf("%s: %+v, %v", q.Verb, reply, err)
		}
		must(t, r.SetReadDeadline(time.Now().Add(time.Minute)))
		if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
			t.Errorf("%s: %q, %v", q.Verb, rest, err)
		}
		conn.Close()
		r.Close()
	}
}

// TestStreams checks that input reaches the program and ends with the client's, and that outputs come in frames or
// raw, only to clients that want them, from the first byte on.
func TestStreams(t *testing.T) {
	n := startNursery(t)
	frame := func(kind byte, text string) string {
		return string([]byte{kind, 0, 0, 0, 0, 0, 0, byte(len(text))}) + text
	}
	const echo = "read line; echo got $line; echo bad >&2; cat"
	for _, row := range []struct {
		opts task.Attach
		want string
	}{
		{task.Attach{Stdin: true, CloseStdin: true, Stdout: true}, frame(1, "got a\n") + frame(1, "rest")},
		{task.Attach{Stdin: true, CloseStdin: true, Stderr: true}, frame(2, "bad\n")},
		{task.Attach{Stdin: true, CloseStdin: true, Stdout: true, Raw: true}, "got a\nrest"},
		{task.Attach{Stdin: true, CloseStdin: true}, ""},
	} {
		s, err := task.NewStream(row.opts)
		must(t, err)
		_, err = n.client.Launch(context.Background(), task.Launch{
			ID: "c", Spec: script(echo), Stdin: true, Attach: []task.Attach{s.Opts},
		}, []*os.File{s.Hand()})
		must(t, err)
		fmt.Fprint(s.Near, "a\n")
		if row.opts.Stdout { // so that what follows takes a read of its own
			_, err := io.ReadFull(s.Near, make([]byte, 1))
			must(t, err)
			row.want = row.want[1:]
			time.Sleep(5 * time.Millisecond)
		}
		fmt.Fprint(s.Near, "rest")
		must(t, s.Near.CloseWrite())
		got, err := io.ReadAll(s.Near)
		if string(got) != row.want || err != nil {
			t.Errorf("%+v: %q, %v; want %q", row.opts, got, err, row.want)
		}
		s.Close()
		if x := n.exit("c", ""); x.Code != 0 {
			t.Errorf("%+v: ended with %d", row.opts, x.Code)
		}
		n.clear()
	}
}

// TestAttachLater checks that a late client gets what is printed from then on. One that goes away holds up nothing
// and does not end the program's input. After the program's end a client gets only the end.
func TestAttachLater(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	_, err := n.client.Launch(ctx, task.Launch{ID: "c", Spec: script("while read line; do echo $line; done"),
		Stdin: true}, nil)
	must(t, err)
	attach := func() *task.Stream {
		t.Helper()
		s, err := task.NewStream(task.Attach{Stdin: true, Stdout: true, Raw: true})
		must(t, err)
		must(t, n.client.Task("c").Attach(ctx, "", s.Opts, s.Hand()))
		return s
	}
	said := func(s *task.Stream, want string) {
		t.Helper()
		b := make([]byte, len(want))
		must(t, s.Near.SetReadDeadline(time.Now().Add(time.Minute)))
		if _, err := io.ReadFull(s.Near, b); err != nil || string(b) != want {
			t.Fatalf("%q, %v; want %q", b, err, want)
		}
	}
	first := attach()
	fmt.Fprint(first.Near, "one\n")
	said(first, "one\n")
	second := attach()
	fmt.Fprint(second.Near, "two\n")
	said(first, "two\n")
	said(second, "two\n")
	first.Close()
	for _, text := range []string{"three\n", "four\n"} { // these go to the client that left, too
		fmt.Fprint(second.Near, text)
		said(second, text)
	}
	must(t, n.client.Task("c").Signal(ctx, "", unix.SIGKILL, false))
	if rest, err := io.ReadAll(second.Near); len(rest) > 0 || err != nil {
		t.Errorf("then %q, %v", rest, err)
	}
	n.exit("c", "")
	late := attach()
	if rest, err := io.ReadAll(late.Near); len(rest) > 0 || err != nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// TestTerminal checks that a terminal's output comes as it is and that its size is the one asked for.
func TestTerminal(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	s, err := task.NewStream(task.Attach{Stdin: true, Stdout: true})
	must(t, err)
	sized := script("read line; stty size; [ -t 2 ] && echo tty >&2")
	sized.Process.Terminal = true
	_, err = n.client.Launch(ctx, task.Launch{ID: "c", Spec: sized, Attach: []task.Attach{s.Opts}}, []*os.File{s.Hand()})
	must(t, err)
	must(t, n.client.Task("c").Resize(ctx, "", 132, 43))
	fmt.Fprint(s.Near, "go\n")
	got, err := io.ReadAll(s.Near)
	if want := "go\r\n43 132\r\ntty\r\n"; string(got) != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	_, err = n.launch("plain", "exec sleep 1000")
	must(t, err)
	must(t, n.client.Task("plain").Resize(ctx, "", 1, 1)) // without a terminal it does nothing, as in Docker
	if err := n.client.Task("nobody").Resize(ctx, "", 1, 1); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

// TestExecs checks that further programs come and go by their own IDs and do not outlive the container.
func TestExecs(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	_, err := n.launch("c", "exec sleep 1000")
	must(t, err)
	c := n.client.Task("c")
	run := func(id, text string) error {
		_, err := c.Exec(ctx, task.Exec{ID: id, Process: script(text).Process}, nil)
		return err
	}
	must(t, run("a", "exit 4"))
	if x := n.exit("c", "a"); x.Code != 4 || x.Exec != "a" || x.Container != "c" {
		t.Errorf("%+v", *x)
	}
	if err := run("a", "true"); !errdefs.IsConflict(err) {
		t.Errorf("the same ID again: %v", err)
	}
	must(t, run("b", "exec sleep 1000"))
	if err := c.Forget(ctx, "b"); !errdefs.IsConflict(err) {
		t.Errorf("forget one that runs: %v", err)
	}
	if err := c.Signal(ctx, "a", unix.SIGTERM, false); !errdefs.IsNotFound(err) {
		t.Errorf("a signal to one that has ended: %v", err)
	}
	must(t, c.Signal(ctx, "b", unix.SIGTERM, false))
	if x := n.exit("c", "b"); x.Code != 143 {
		t.Errorf("%+v", *x)
	}
	must(t, c.Forget(ctx, "a"))
	must(t, c.Forget(ctx, "a")) // is no error
	must(t, run("a", "true"))   // a new exec may have the ID
	n.runtime.failing("Exec", errors.New("broken"))
	if err := run("c", "true"); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Error(err)
	}
	n.runtime.failing("", nil)
	if _, err := n.client.Task("nobody").Exec(ctx, task.Exec{ID: "x", Process: script("true").Process},
		nil); !errdefs.IsNotFound(err) {
		t.Errorf("in a container that is not there: %v", err)
	}
	must(t, c.Signal(ctx, "", unix.SIGKILL, false))
	n.exit("c", "")
	if err := run("late", "true"); !errdefs.IsConflict(err) {
		t.Errorf("in a container that has ended: %v", err)
	}
}

// TestPauseIsRemembered checks that a container counts as paused only if the runtime froze it. A kill thaws it.
func TestPauseIsRemembered(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	_, err := n.launch("c", "exec sleep 1000")
	must(t, err)
	c := n.client.Task("c")
	paused := func() bool {
		t.Helper()
		list, err := n.client.Find(ctx)
		must(t, err)
		return list[0].Paused
	}
	n.runtime.failing("Pause", fmt.Errorf("freeze: %w", errdefs.ErrUnavailable))
	if err := c.Pause(ctx); !errdefs.IsUnavailable(err) || paused() {
		t.Errorf("a freeze that failed: %v, paused %v", err, paused())
	}
	n.runtime.failing("", nil)
	must(t, c.Pause(ctx))
	if !paused() {
		t.Error("paused is not in the books")
	}
	n.runtime.failing("Resume", errors.New("thaw"))
	if err := c.Resume(ctx); err == nil || !paused() {
		t.Errorf("a thaw that failed: %v, paused %v", err, paused())
	}
	n.runtime.failing("", nil)
	must(t, c.Signal(ctx, "", unix.SIGKILL, false))
	if n.runtime.times("Resume") != 2 {
		t.Error("a killed container stays frozen")
	}
	n.exit("c", "")
	for what, call := range map[string]func() error{
		"pause":    func() error { return n.client.Task("nobody").Pause(ctx) },
		"update":   func() error { return n.client.Task("nobody").Update(ctx, nil) },
		"describe": func() error { _, err := n.client.Task("nobody").Describe(ctx); return err },
	} {
		if err := call(); !errdefs.IsNotFound(err) {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
}

// TestDescribeAndUpdate checks that the runtime's answers are passed on.
func TestDescribeAndUpdate(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	s, err := n.launch("c", "exec sleep 1000")
	must(t, err)
	c := n.client.Task("c")
	d, err := c.Describe(ctx)
	if err != nil || len(d.Pids) != 1 || d.Pids[0] != s.Pid || d.Cgroups[""] != "/group" {
		t.Errorf("%+v, %v", d, err)
	}
	if err := c.Update(ctx, nil); !errdefs.IsInvalidArgument(err) {
		t.Errorf("an update of nothing: %v", err)
	}
	must(t, c.Update(ctx, &specs.LinuxResources{}))
	for _, method := range []string{"Update", "Pids", "CgroupPaths"} {
		n.runtime.failing(method, fmt.Errorf("%s: %w", method, errdefs.ErrConflict))
		_, describeErr := c.Describe(ctx)
		if err := errors.Join(c.Update(ctx, &specs.LinuxResources{}), describeErr); !errdefs.IsConflict(err) ||
			!strings.Contains(err.Error(), method) {
			t.Errorf("%s fails: %v", method, err)
		}
	}
}

// TestRemovalIsWaitedFor checks that Forget waits until a container's control group is gone.
func TestRemovalIsWaitedFor(t *testing.T) {
	n := startNursery(t)
	n.runtime.failing("Delete", errdefs.ErrConflict)
	_, err := n.launch("c", "true")
	must(t, err)
	n.exit("c", "")
	forgotten := make(chan error, 1)
	go func() { forgotten <- n.client.Task("c").Forget(context.Background(), "") }()
	n.eventually("three tries", func() bool { return n.runtime.times("Delete") > 2 })
	select {
	case err := <-forgotten:
		t.Errorf("forgotten while its group is there: %v", err)
	default:
	}
	n.runtime.failing("", nil)
	must(t, <-forgotten)
}

// TestQuit checks that a keeper quits only if it owns nothing.
func TestQuit(t *testing.T) {
	n := startNursery(t)
	ctx := context.Background()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	must(t, n.client.Hold(ctx, "port", []*os.File{w}, []netip.AddrPort{{}}))
	w.Close()
	if err := n.client.Quit(ctx); !errdefs.IsConflict(err) {
		t.Errorf("with a port: %v", err)
	}
	must(t, n.client.Drop(ctx, "port"))
	must(t, n.client.Drop(ctx, "port")) // is no error
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("what was dropped is open: %v", err)
	}
	_, err = n.launch("c", "exec sleep 1000")
	must(t, err)
	if err := n.client.Quit(ctx); !errdefs.IsConflict(err) {
		t.Errorf("with a container: %v", err)
	}
	if err := n.client.Swap(ctx, filepath.Join(n.dir, "nothing")); err == nil {
		t.Error("a swap to nothing was taken")
	}
	if err := n.client.Swap(ctx, ""); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a swap without a file: %v", err)
	}
	if build, pid, err := n.client.Hello(ctx); build != "test" || pid != os.Getpid() || err != nil {
		t.Errorf("it goes on as %q, %d, %v", build, pid, err)
	}
}
