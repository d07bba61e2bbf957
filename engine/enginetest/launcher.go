// Package enginetest opens whole engines in tests: their containers are made up by a launcher that starts nothing, so
// that they need neither root nor a kernel that could. Its own tests run such an engine on a disk that fails, or that
// loses what was not synced.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/task"
)

// Launcher is one whose programs are goroutines: each sends back, unframed, what it gets on its streams. One that is
// called false ends at once with the code 1, the others when they are told to, which one that is called stubborn must
// be by SIGKILL. One that is called big does not start: no disk has room for it.
type Launcher struct {
	exits chan task.Exit

	mu      sync.Mutex
	running map[string]*program // by container ID
	pids    int
}

// program is what runs in a container, or was asked to run beside it.
type program struct {
	pid  int
	deaf bool          // to SIGTERM
	code int           // that it ends with; set before end is called
	over chan struct{} // closed when it is told to end
	end  func()
}

// NewLauncher has nothing running.
func NewLauncher() *Launcher {
	return &Launcher{exits: make(chan task.Exit, 1000), running: map[string]*program{}}
}

// firstPid is where the made-up pids begin: above all that the kernel gives (pid_max is 1<<22 at most).
const firstPid = 1 << 23

// errBig is what the keeper's socket leaves of an error: its text.
var errBig = errors.New("write log: " + unix.ENOSPC.Error())

// Launch implements task.Launcher.
func (r *Launcher) Launch(_ context.Context, l task.Launch, attached []*os.File) (task.Status, error) {
	if l.Spec.Process.Args[0] == "big" {
		return task.Status{}, errBig
	}
	r.mu.Lock()
	r.pids++
	p := &program{pid: firstPid + r.pids, over: make(chan struct{}), deaf: l.Spec.Process.Args[0] == "stubborn"}
	p.end = sync.OnceFunc(func() { close(p.over) })
	r.running[l.ID] = p
	r.mu.Unlock()
	for _, f := range attached {
		go p.echo(f)
	}
	if l.Spec.Process.Args[0] == "false" {
		p.code = 1
		p.end()
	}
	go func() {
		<-p.over
		r.exits <- task.Exit{Container: l.ID, Pid: p.pid, Code: p.code, At: time.Now()}
	}()
	return task.Status{ID: l.ID, Pid: p.pid, Started: time.Now()}, nil
}

// echo sends back what comes on f until that or the program ends.
func (p *program) echo(f *os.File) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-p.over:
			f.Close()
		case <-done:
		}
	}()
	_, _ = io.Copy(f, f)
	f.Close()
}

func (l *Launcher) find(id string) *program {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running[id]
}

// Find implements task.Launcher.
func (l *Launcher) Find(context.Context) ([]task.Status, error) { return nil, nil }

// Watch implements task.Launcher.
func (l *Launcher) Watch(ctx context.Context, fn func(task.Exit)) error {
	for {
		select {
		case x := <-l.exits:
			fn(x)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Task implements task.Launcher.
func (l *Launcher) Task(id string) task.Task { return &echoing{l, id} }

// echoing is one program, by its container.
type echoing struct {
	*Launcher
	id string
}

// Exec implements task.Task.
func (t *echoing) Exec(_ context.Context, x task.Exec, attached []*os.File) (int, error) {
	if x.Process.Args[0] == "big" {
		return 0, errBig
	}
	p := t.find(t.id)
	if p == nil {
		return 0, fmt.Errorf("program of %s: %w", t.id, errdefs.ErrNotFound)
	}
	var streams sync.WaitGroup
	for _, f := range attached {
		streams.Go(func() { p.echo(f) })
	}
	go func() {
		streams.Wait()
		t.exits <- task.Exit{Container: t.id, Exec: x.ID, Pid: os.Getpid(), At: time.Now()}
	}()
	return os.Getpid(), nil
}

// Attach implements task.Task.
func (t *echoing) Attach(_ context.Context, _ string, _ task.Attach, f *os.File) error {
	if p := t.find(t.id); p != nil {
		go p.echo(f)
		return nil
	}
	return f.Close()
}

// Signal implements task.Task.
func (t *echoing) Signal(_ context.Context, _ string, sig unix.Signal, _ bool) error {
	if p := t.find(t.id); p != nil && (sig == unix.SIGTERM && !p.deaf || sig == unix.SIGKILL) {
		p.end()
	}
	return nil
}

// Describe implements task.Task.
func (t *echoing) Describe(context.Context) (task.Description, error) {
	return task.Description{Pids: []int{os.Getpid()}}, nil
}

// Resize implements task.Task.
func (t *echoing) Resize(context.Context, string, uint16, uint16) error { return nil }

// Pause implements task.Task.
func (t *echoing) Pause(context.Context) error { return nil }

// Resume implements task.Task.
func (t *echoing) Resume(context.Context) error { return nil }

// Update implements task.Task.
func (t *echoing) Update(context.Context, *specs.LinuxResources) error { return nil }

// Forget implements task.Task.
func (t *echoing) Forget(context.Context, string) error { return nil }
