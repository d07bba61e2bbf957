package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/logs"
	"box/engine/logs/driver"
	"box/engine/runtime"
	"box/engine/seccomp"
	"box/engine/task"
)

var (
	errNotFound = errdefs.ErrNotFound
	errConflict = errdefs.ErrConflict
	errInvalid  = errdefs.ErrInvalidArgument

	// errRetry answers a request that was not begun because of a swap.
	errRetry = errors.New("keeper is being swapped")
)

// launch creates the container that l describes and starts its program.
//
// It opens the log first and outside the lock, since a log server may be slow to answer. It returns errRetry if ctx
// ends meanwhile.
func (k *Keeper) launch(ctx context.Context, l *task.Launch, files []*os.File) (task.Status, error) {
	if l == nil || l.Spec == nil || l.Spec.Process == nil || len(files) != len(l.Attach) {
		task.CloseAll(files)
		return task.Status{}, fmt.Errorf("launch without a spec or with %d descriptors: %w", len(files), errInvalid)
	}
	if _, _, err := k.find(l.ID, ""); err == nil {
		task.CloseAll(files)
		return task.Status{}, fmt.Errorf("container %s: %w", l.ID, errdefs.ErrAlreadyExists)
	}
	if !k.ready(l.Runtime) {
		task.CloseAll(files)
		return task.Status{}, errRetry
	}
	p := &program{container: l.ID, ended: make(chan struct{})}
	var err error
	if p.log, err = k.openLog(ctx, l.ID, l.Log, false); err != nil {
		task.CloseAll(files)
		if ctx.Err() != nil {
			return task.Status{}, errRetry
		}
		return task.Status{}, task.Because(err, task.LogRefused)
	}
	defer k.slot()()
	k.starts.RLock()
	defer k.starts.RUnlock()

	k.mu.Lock()
	_, there := k.containers[l.ID]
	k.mu.Unlock()
	if there {
		p.discard(files)
		return task.Status{}, fmt.Errorf("container %s: %w", l.ID, errdefs.ErrAlreadyExists)
	}
	name, by, err := k.runtime(l.Runtime)
	if err != nil {
		p.discard(files)
		return task.Status{}, err
	}
	rt, err := by.Create(l.ID, l.Spec, (*seccomp.Filter)(l.Filter))
	if err != nil {
		p.discard(files)
		return task.Status{}, because(err, task.SpecRefused)
	}
	c := &container{
		id: l.ID, runtime: name, rt: rt, main: p, execs: map[string]*program{}, deleted: make(chan struct{}),
		launch: record{Log: l.Log, OwnPidSpace: ownsPidSpace(l.Spec)},
	}
	if err := k.startProgram(p, rt.Start, l.Spec.Process, l.Stdin); err != nil {
		p.discard(files)
		return task.Status{}, errors.Join(because(err), rt.Delete())
	}
	p.started = time.Now()
	for i, f := range files {
		p.attached = append(p.attached, &attachment{opts: l.Attach[i], f: f})
	}
	p.start()
	// From here on the reaper waits for it.
	k.mu.Lock()
	k.containers[l.ID] = c
	k.programs[p.pid] = p
	k.mu.Unlock()
	k.reapPrograms() // it may have ended before the reaper knew it
	k.mu.Lock()
	defer k.mu.Unlock()
	return c.status(), nil
}

// slot waits until fewer than launchesAtOnce programs are being started and takes a place among them, which free
// gives back. A start that takes longer than slotTime loses its place, so that a container can hold up only its own
// starts.
func (k *Keeper) slot() (free func()) {
	k.slots <- struct{}{}
	var once sync.Once
	leave := func() { once.Do(func() { <-k.slots }) }
	late := time.AfterFunc(slotTime, leave)
	return func() {
		late.Stop()
		leave()
	}
}

// openLog opens a container's log and returns nil if it has none. late says that the program runs already.
func (k *Keeper) openLog(ctx context.Context, id string, l task.Log, late bool) (*logs.Logger, error) {
	if l.Driver == "" || l.Driver == "none" {
		return nil, nil
	}
	warn := func(err error) { k.o.Log.Warn("lines of a log are lost", "container", id, "error", err) }
	return logs.Open(ctx, driver.Config(l), logs.Options{Packer: k.packer, Warn: warn, Late: late})
}

func ownsPidSpace(s *specs.Spec) bool {
	for _, n := range s.Linux.Namespaces {
		if n.Type == specs.PIDNamespace {
			return n.Path == ""
		}
	}
	return false
}

// exec starts another program in a running container.
func (k *Keeper) exec(id string, e *task.Exec, files []*os.File) (pid int, err error) {
	if e == nil || e.Process == nil || e.ID == "" || len(files) != len(e.Attach) {
		task.CloseAll(files)
		return 0, fmt.Errorf("exec without a process or with %d descriptors: %w", len(files), errInvalid)
	}
	c, main, err := k.find(id, "")
	if err != nil {
		task.CloseAll(files)
		return 0, err
	}
	if !k.ready(c.runtime) {
		task.CloseAll(files)
		return 0, errRetry
	}
	defer k.slot()()
	k.starts.RLock()
	defer k.starts.RUnlock()
	p := &program{container: id, exec: e.ID, ended: make(chan struct{})}
	k.mu.Lock()
	_, there := c.execs[e.ID]
	over := main.reaped
	k.mu.Unlock()
	if there || over {
		p.discard(files)
		return 0, fmt.Errorf("exec %s in container %s, which ended or has it already: %w", e.ID, id, errConflict)
	}
	if err := k.startProgram(p, c.rt.Exec, e.Process, e.Stdin); err != nil {
		p.discard(files)
		return 0, because(err)
	}
	for i, f := range files {
		p.attached = append(p.attached, &attachment{opts: e.Attach[i], f: f})
	}
	p.started = time.Now()
	p.start()
	k.mu.Lock()
	c.execs[e.ID] = p
	k.programs[p.pid] = p
	k.mu.Unlock()
	k.reapPrograms()
	return p.pid, nil
}

// startProgram makes p's streams and calls start with the far ends.
func (k *Keeper) startProgram(p *program, start func(*specs.Process, runtime.Streams) (int, *os.File, error),
	sp *specs.Process, stdin bool) error {
	far, err := p.open(sp.Terminal, stdin)
	if err != nil {
		return err
	}
	defer far.Close()
	pid, terminal, err := start(sp, far)
	if err != nil {
		return err
	}
	p.pid = pid
	if terminal != nil {
		p.in = &input{f: terminal}
		p.out = []*output{{kind: driver.Stdout, f: terminal}}
	}
	return nil
}

// open makes the pipes of a program without a terminal and returns the program's ends of them.
func (p *program) open(terminal, stdin bool) (far runtime.Streams, err error) {
	p.terminal, p.in = terminal, &input{}
	if terminal {
		return far, nil
	}
	defer func() {
		if err != nil {
			far.Close()
		}
	}()
	if stdin {
		if far.Stdin, p.in.f, err = os.Pipe(); err != nil {
			return far, err
		}
	}
	for _, kind := range []driver.Stream{driver.Stdout, driver.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return far, err
		}
		p.out = append(p.out, &output{kind: kind, f: r})
		if kind == driver.Stdout {
			far.Stdout = w
		} else {
			far.Stderr = w
		}
	}
	return far, nil
}

// discard releases what a program that was never started holds.
func (p *program) discard(files []*os.File) {
	task.CloseAll(files)
	if p.log != nil {
		p.log.Discard()
	}
	if p.in != nil {
		p.in.close()
	}
	for _, o := range p.out {
		o.f.Close()
	}
}
