package netapi

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/task"
)

// echoes is a launcher whose programs are goroutines: each sends back, unframed, what it gets on its streams, and ends with
// the code 0 when that ends.
type echoes struct {
	exits chan task.Exit

	mu      sync.Mutex
	running map[string]chan struct{} // by container ID; closed when the program is told to end
}

func newEchoes() *echoes {
	return &echoes{exits: make(chan task.Exit, 1000), running: map[string]chan struct{}{}}
}

func (e *echoes) Launch(_ context.Context, l task.Launch, attached []*os.File) (task.Status, error) {
	end := make(chan struct{})
	e.mu.Lock()
	e.running[l.ID] = end
	e.mu.Unlock()
	var streams sync.WaitGroup
	for _, f := range attached {
		streams.Go(func() { echo(f) })
	}
	pid := os.Getpid()
	go func() {
		<-end
		streams.Wait()
		e.exits <- task.Exit{Container: l.ID, Pid: pid, At: time.Now()}
	}()
	return task.Status{ID: l.ID, Pid: pid, Started: time.Now()}, nil
}

func echo(f *os.File) {
	_, _ = io.Copy(f, f)
	f.Close()
}

func (e *echoes) Find(context.Context) ([]task.Status, error) { return nil, nil }

func (e *echoes) Watch(ctx context.Context, fn func(task.Exit)) error {
	for {
		select {
		case x := <-e.exits:
			fn(x)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *echoes) Task(id string) task.Task { return &echoing{e, id} }

type echoing struct {
	*echoes
	id string
}

func (t *echoing) Exec(_ context.Context, x task.Exec, attached []*os.File) (int, error) {
	var streams sync.WaitGroup
	for _, f := range attached {
		streams.Go(func() { echo(f) })
	}
	go func() {
		streams.Wait()
		t.exits <- task.Exit{Container: t.id, Exec: x.ID, Pid: os.Getpid(), At: time.Now()}
	}()
	return os.Getpid(), nil
}

func (t *echoing) Attach(_ context.Context, _ string, _ task.Attach, f *os.File) error {
	go echo(f)
	return nil
}

func (t *echoing) Signal(context.Context, string, unix.Signal, bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if end := t.running[t.id]; end != nil {
		close(end)
		delete(t.running, t.id)
	}
	return nil
}

func (t *echoing) Describe(context.Context) (task.Description, error) {
	return task.Description{Pids: []int{os.Getpid()}}, nil
}

func (t *echoing) Resize(context.Context, string, uint16, uint16) error { return nil }
func (t *echoing) Pause(context.Context) error                          { return nil }
func (t *echoing) Resume(context.Context) error                         { return nil }
func (t *echoing) Update(context.Context, *specs.LinuxResources) error  { return nil }
func (t *echoing) Forget(context.Context, string) error                 { return nil }
