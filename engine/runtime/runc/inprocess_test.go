package runc

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// inProcess starts the probe with a built-in runtime.
func (w *world) inProcess(name string) started {
	t := w.t
	t.Helper()
	w.fresh()
	s, filter := w.spec(), w.filter
	var r runtime.Runtime
	var err error
	if name == "box" {
		s.Linux.Seccomp = nil
		r, err = runtime.New()
	} else {
		filter = nil
		r, err = New(filepath.Join(w.dir, "state"))
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Create(w.id, s, filter)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	first := *s.Process
	if w.c.exec != nil {
		first.Terminal, first.Args, first.ConsoleSize = false, []string{"/bin/sleep", "1000"}, nil
	}
	run := start1(t, name, c.Start, &first)
	last := run
	if w.c.exec != nil {
		last = start1(t, name, c.Exec, w.execProcess(s))
	}
	last.close = func() {
		if last.in != nil {
			last.in.Close()
		} else if f, ok := last.out.(*os.File); ok {
			_, _ = f.WriteString("\n")
		}
		if code := wait(t, last.pid); code != 42 {
			t.Errorf("%s: the probe ended with %d", name, code)
		}
		if last.pid != run.pid {
			_ = unix.Kill(run.pid, unix.SIGKILL)
			wait(t, run.pid)
			run.out.Close()
		}
		last.out.Close()
		remove(t, c.Delete)
	}
	return last
}

func start1(t *testing.T, name string, start func(*specs.Process, runtime.Streams) (int, *os.File, error),
	p *specs.Process) started {
	t.Helper()
	if p.Terminal {
		pid, terminal, err := start(p, runtime.Streams{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return started{out: terminal, pid: pid}
	}
	inFar, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, outFar, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	far := runtime.Streams{Stdin: inFar, Stdout: outFar, Stderr: outFar}
	defer far.Close()
	pid, _, err := start(p, far)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return started{out: out, in: in, pid: pid}
}

func wait(t *testing.T, pid int) int {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		var ws unix.WaitStatus
		if got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil); got == pid {
			return ws.ExitStatus()
		} else if err != nil && err != unix.EINTR {
			t.Fatalf("wait for %d: %v", pid, err)
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	t.Fatalf("process %d does not end", pid)
	return 0
}

func remove(t *testing.T, del func() error) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		err := del()
		if err == nil {
			return
		}
		if !errdefs.IsConflict(err) || time.Now().After(limit) {
			t.Errorf("delete: %v", err)
			return
		}
	}
}
