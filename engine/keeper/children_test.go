package keeper

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/seccomp"
	"box/engine/task"
)

// children is a runtime without isolation: its containers' programs are children of this process, which an ordinary
// user can start. fail has the errors to return, by method.
type children struct {
	mu     sync.Mutex
	fail   map[string]error
	called []string // methods of containers, in order
}

func (r *children) step(method string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called = append(r.called, method)
	return r.fail[method]
}

func (r *children) failing(method string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = map[string]error{method: err}
}

// times returns how often a method was called.
func (r *children) times(method string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.called {
		if c == method {
			n++
		}
	}
	return n
}

func (r *children) Create(string, *specs.Spec, *seccomp.Filter) (runtime.Container, error) {
	if err := r.step("Create"); err != nil {
		return nil, err
	}
	return &family{r: r}, nil
}

func (r *children) Restore(string, json.RawMessage) (runtime.Container, error) {
	return nil, errdefs.ErrNotImplemented
}

// family is a container of the runtime children.
type family struct {
	r    *children
	mu   sync.Mutex
	pids []int
}

func (f *family) Start(p *specs.Process, s runtime.Streams) (int, *os.File, error) {
	return f.fork("Start", p, s)
}

func (f *family) Exec(p *specs.Process, s runtime.Streams) (int, *os.File, error) {
	return f.fork("Exec", p, s)
}

func (f *family) fork(method string, p *specs.Process, s runtime.Streams) (pid int, terminal *os.File, err error) {
	if err := f.r.step(method); err != nil {
		return 0, nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{Env: p.Env, Sys: &syscall.SysProcAttr{Setpgid: true}}
	ends := []*os.File{s.Stdin, s.Stdout, s.Stderr}
	if p.Terminal {
		var far *os.File
		if terminal, far, err = openTerminal(); err != nil {
			return 0, nil, err
		}
		defer far.Close()
		ends = []*os.File{far, far, far}
		attr.Sys = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	for _, end := range ends {
		if end == nil {
			end = null
		}
		attr.Files = append(attr.Files, end.Fd())
	}
	if pid, err = syscall.ForkExec(p.Args[0], p.Args, attr); err != nil {
		return 0, nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pids = append(f.pids, pid)
	return pid, terminal, nil
}

// openTerminal makes a terminal whose master does not block.
func openTerminal() (master, far *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "master")
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		far, err = os.OpenFile(fmt.Sprint("/dev/pts/", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		master.Close()
	}
	return master, far, err
}

func (f *family) Record() (json.RawMessage, error) { return json.RawMessage(`{}`), nil }

func (f *family) Signal(sig unix.Signal) error {
	if err := f.r.step("Signal"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, pid := range f.pids {
		_ = unix.Kill(-pid, sig)
	}
	return nil
}

func (f *family) Pause() error                       { return f.r.step("Pause") }
func (f *family) Resume() error                      { return f.r.step("Resume") }
func (f *family) Update(*specs.LinuxResources) error { return f.r.step("Update") }
func (f *family) OOMKills() int                      { return 0 }
func (f *family) Delete() error                      { return f.r.step("Delete") }

func (f *family) Pids() ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pids, f.r.step("Pids")
}

func (f *family) CgroupPaths() (map[string]string, error) {
	return map[string]string{"": "/group"}, f.r.step("CgroupPaths")
}

// nursery is a keeper in this process with a client.
type nursery struct {
	t       *testing.T
	dir     string
	k       *Keeper
	runtime *children
	client  *task.Client
}

func startNursery(t *testing.T) *nursery {
	t.Helper()
	n := &nursery{t: t, dir: t.TempDir(), runtime: &children{}}
	socket := filepath.Join(n.dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	must(t, err)
	n.k, err = New(Options{
		Listener: l, State: n.dir, Build: "test", Log: slog.New(slog.DiscardHandler),
		Runtimes: map[string]runtime.Runtime{task.Box: n.runtime},
	})
	must(t, err)
	n.k.copied.Store(true) // this process must not be executed anew
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- n.k.Run(ctx) }()
	n.client = task.Dial(socket)
	t.Cleanup(func() {
		n.runtime.failing("", nil)
		n.clear()
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		l.Close()
	})
	return n
}

// clear ends and forgets everything.
func (n *nursery) clear() {
	n.t.Helper()
	list, err := n.client.Find(context.Background())
	must(n.t, err)
	for _, s := range list {
		if s.Exit == nil {
			_ = n.client.Task(s.ID).Signal(context.Background(), "", unix.SIGKILL, true)
		}
		n.eventually("the end of "+s.ID, func() bool {
			return n.client.Task(s.ID).Forget(context.Background(), "") == nil
		})
	}
}

// eventually waits until is returns true.
func (n *nursery) eventually(what string, is func() bool) {
	n.t.Helper()
	for limit := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(limit) {
			n.t.Fatalf("%s does not come", what)
		}
	}
}

// script returns the spec of a shell script, as far as children looks at it.
func script(text string) *specs.Spec {
	return &specs.Spec{
		Process: &specs.Process{Args: []string{"/bin/sh", "-c", text}, Env: []string{"PATH=/bin:/usr/bin"}},
		Linux:   &specs.Linux{},
	}
}

func (n *nursery) logPath(id string) string { return filepath.Join(n.dir, id+".log") }

// launch starts a script with a log.
func (n *nursery) launch(id, text string) (task.Status, error) {
	return n.client.Launch(context.Background(), task.Launch{
		ID: id, Spec: script(text), Log: task.Log{Driver: "json-file", Path: n.logPath(id)},
	}, nil)
}

// exit waits for a program's end and returns its exit.
func (n *nursery) exit(id, exec string) *task.Exit {
	n.t.Helper()
	var exit *task.Exit
	n.eventually("the exit of "+id+" "+exec, func() bool {
		list, err := n.client.Find(context.Background())
		must(n.t, err)
		for _, s := range list {
			if s.ID != id {
				continue
			}
			if exec == "" {
				exit = s.Exit
			}
			for _, x := range s.Execs {
				if x.ID == exec {
					exit = x.Exit
				}
			}
		}
		return exit != nil
	})
	return exit
}
