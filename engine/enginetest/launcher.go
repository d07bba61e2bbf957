// Package enginetest opens whole engines for tests. Their containers are simulated, so they need neither root nor
// support of the kernel. Its own tests run such an engine on a disk that fails, or that loses what was not synced.
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

// Launcher simulates programs by goroutines that send back what they receive, without frames. A program called false
// ends at once with code 1; others end on a signal, those called stubborn only on SIGKILL. One called big fails to
// start, as with a full disk.
type Launcher struct {
	exits chan task.Exit

	mu      sync.Mutex
	running map[string]*program // by container ID
	pids    int

	zones     map[string]task.Zone     // by network
	resolvers map[string]task.Resolver // by container
}

// program is a simulated program of a container or an exec.
type program struct {
	pid  int
	deaf bool          // to SIGTERM
	code int           // that it ends with; set before end is called
	over chan struct{} // closed when it is told to end
	end  func()
}

// NewLauncher makes a Launcher without running programs.
func NewLauncher() *Launcher {
	return &Launcher{exits: make(chan task.Exit, 1000), running: map[string]*program{},
		zones: map[string]task.Zone{}, resolvers: map[string]task.Resolver{}}
}

// firstPid is above all pids of the kernel (pid_max is at most 1<<22).
const firstPid = 1 << 23

// errBig is an error as it arrives over the keeper's socket: only its text.
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
		r.mu.Lock()
		delete(r.resolvers, l.ID)
		r.mu.Unlock()
		r.exits <- task.Exit{Container: l.ID, Pid: p.pid, Code: p.code, At: time.Now()}
	}()
	return task.Status{ID: l.ID, Pid: p.pid, Started: time.Now()}, nil
}

// echo sends back what arrives on f until that or the program ends.
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

// echoing is the program of a container.
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
