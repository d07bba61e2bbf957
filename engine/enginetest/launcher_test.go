// Package enginetest runs a whole engine, whose programs are made up, on a disk that fails or that loses what was not synced.
package enginetest

import (
	"context"
	"os"
	"sync"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/task"
)

// launcher starts nothing: its programs run until they are signalled.
type launcher struct {
	exits chan task.Exit

	mu      sync.Mutex
	running map[string]int // made-up pids by container
	pids    int
}

// firstPid is above all that the kernel gives (pid_max is 1<<22 at most).
const firstPid = 1 << 23

func newLauncher() *launcher {
	return &launcher{exits: make(chan task.Exit, 100), running: map[string]int{}}
}

func (l *launcher) Launch(_ context.Context, q task.Launch, attached []*os.File) (task.Status, error) {
	for _, f := range attached {
		f.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pids++
	l.running[q.ID] = firstPid + l.pids
	return task.Status{ID: q.ID, Pid: firstPid + l.pids, Started: time.Now()}, nil
}

func (l *launcher) Find(context.Context) ([]task.Status, error) { return nil, nil }

func (l *launcher) Watch(ctx context.Context, fn func(task.Exit)) error {
	for {
		select {
		case x := <-l.exits:
			fn(x)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *launcher) Task(id string) task.Task { return program{l, id} }

// program is one of the launcher's.
type program struct {
	*launcher
	id string
}

func (p program) Signal(context.Context, string, unix.Signal, bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pid, ok := p.running[p.id]; ok {
		delete(p.running, p.id)
		p.exits <- task.Exit{Container: p.id, Pid: pid, At: time.Now()}
	}
	return nil
}

func (program) Exec(_ context.Context, _ task.Exec, attached []*os.File) (int, error) {
	for _, f := range attached {
		f.Close()
	}
	return 0, unix.ENOSYS
}

func (program) Attach(_ context.Context, _ string, _ task.Attach, f *os.File) error { return f.Close() }

func (program) Describe(context.Context) (task.Description, error) { return task.Description{}, nil }

func (program) Resize(context.Context, string, uint16, uint16) error { return nil }
func (program) Pause(context.Context) error                          { return nil }
func (program) Resume(context.Context) error                         { return nil }
func (program) Update(context.Context, *specs.LinuxResources) error  { return nil }
func (program) Forget(context.Context, string) error                 { return nil }
