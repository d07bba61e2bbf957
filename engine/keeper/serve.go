package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// requestWait bounds how long a client may take to send its request.
const requestWait = 5 * time.Second

// verbs is everything the keeper can be asked for on one connection with one answer.
var verbs = map[string]func(*Keeper, *task.Request, []*os.File) (task.Reply, error){
	task.VerbHello: func(k *Keeper, _ *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{Build: k.o.Build, Pid: os.Getpid()}, nil
	},
	task.VerbFind: func(k *Keeper, _ *task.Request, _ []*os.File) (task.Reply, error) { return k.list(), nil },
	task.VerbExec: func(k *Keeper, q *task.Request, files []*os.File) (task.Reply, error) {
		pid, err := k.exec(q.ID, q.Run, files)
		return task.Reply{Pid: pid}, err
	},
	task.VerbAttach: (*Keeper).attach,
	task.VerbResize: (*Keeper).resize,
	task.VerbSignal: (*Keeper).signal,
	task.VerbPause: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.freeze(q.ID, true)
	},
	task.VerbResume: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.freeze(q.ID, false)
	},
	task.VerbUpdate:   (*Keeper).update,
	task.VerbDescribe: (*Keeper).describe,
	task.VerbForget: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		return task.Reply{}, k.forget(q.ID, q.Exec)
	},
	task.VerbHold: (*Keeper).hold,
	task.VerbDrop: func(k *Keeper, q *task.Request, _ []*os.File) (task.Reply, error) {
		k.drop(q.ID)
		return task.Reply{}, nil
	},
}

// serve takes requests until the function that it returns is called, which waits for those under way.
func (k *Keeper) serve() (stop func()) {
	_ = k.o.Listener.SetDeadline(time.Time{})
	ctx, cancel := context.WithCancel(context.Background())
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := k.o.Listener.AcceptUnix()
			if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // out of descriptors, most likely
				time.Sleep(10 * time.Millisecond)
				continue
			}
			k.handlers.Go(func() { k.handle(ctx, conn) })
		}
	})
	return func() {
		_ = k.o.Listener.SetDeadline(time.Unix(1, 0))
		accepting.Wait()
		cancel()
		k.exits.wake()
		k.handlers.Wait()
	}
}

func (k *Keeper) busy() {
	if k.o.Busy != nil {
		k.o.Busy()
	}
}

// handle answers one request. With the end of ctx requests that only wait are given up.
func (k *Keeper) handle(ctx context.Context, conn *net.UnixConn) {
	k.busy()
	defer k.busy()
	var q task.Request
	_ = conn.SetReadDeadline(time.Now().Add(requestWait))
	files, err := task.Receive(conn, &q)
	if err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	if k.swapping.Load() {
		task.CloseAll(files)
		_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion, Class: task.RetryClass, Error: "keeper is being swapped"})
		conn.Close()
		return
	}
	switch q.Verb {
	case task.VerbSwap, task.VerbQuit:
		task.CloseAll(files)
		k.order(q, conn)
		return
	case task.VerbWatch:
		task.CloseAll(files)
		k.watch(conn)
		return
	case task.VerbKeep:
		k.keep(ctx, &q, conn, files)
		return
	case task.VerbTake:
		task.CloseAll(files)
		k.take(conn)
		return
	}
	defer conn.Close()
	reply, err := k.answer(ctx, &q, files)
	if err != nil {
		reply = task.Fail(err)
	}
	if errors.Is(err, errRetry) {
		reply.Class = task.RetryClass
	}
	reply.Version = task.ProtocolVersion
	_ = task.Send(conn, reply)
}

func (k *Keeper) answer(ctx context.Context, q *task.Request, files []*os.File) (task.Reply, error) {
	if q.Verb == task.VerbLaunch {
		s, err := k.launch(ctx, q.Launch, files)
		return task.Reply{Status: []task.Status{s}}, err
	}
	do, ok := verbs[q.Verb]
	if !ok {
		task.CloseAll(files)
		return task.Reply{}, fmt.Errorf("keeper does not know %q: %w", q.Verb, errInvalid)
	}
	return do(k, q, files)
}

// order hands conn to the main loop, which answers.
func (k *Keeper) order(q task.Request, conn *net.UnixConn) {
	o := order{conn: conn}
	if q.Verb == task.VerbSwap {
		o.path = q.Path
		if o.path == "" {
			_ = task.Send(conn, task.Fail(fmt.Errorf("swap without an executable: %w", errInvalid)))
			conn.Close()
			return
		}
	}
	select {
	case k.orders <- o:
	default: // the main loop is busy with another order
		_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion, Class: task.RetryClass, Error: "keeper is busy"})
		conn.Close()
	}
}

// watch sends exits as they come until the client goes or the keeper is swapped.
func (k *Keeper) watch(conn *net.UnixConn) {
	defer conn.Close()
	var gone sync.WaitGroup
	defer gone.Wait()
	left := make(chan struct{})
	gone.Go(func() { // the client never sends more: a read ends when it goes, or by the deadline below
		_, _ = conn.Read(make([]byte, 1))
		close(left)
		k.exits.wake()
	})
	defer conn.SetReadDeadline(time.Unix(1, 0))
	over := func() bool {
		select {
		case <-left:
			return true
		default:
			return k.swapping.Load()
		}
	}
	var n uint64
	for {
		batch := k.exits.after(n, over)
		for _, e := range batch {
			if err := task.Send(conn, task.Reply{Version: task.ProtocolVersion, Exit: &e.exit}); err != nil {
				return
			}
			n = e.n
		}
		if len(batch) == 0 {
			_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion, Class: task.RetryClass, Error: "watch again"})
			return
		}
	}
}

func (k *Keeper) list() task.Reply {
	k.mu.Lock()
	defer k.mu.Unlock()
	var r task.Reply
	for _, c := range k.containers {
		r.Status = append(r.Status, c.status())
	}
	return r
}

func (k *Keeper) attach(q *task.Request, files []*os.File) (task.Reply, error) {
	if q.Attach == nil || len(files) != 1 {
		task.CloseAll(files)
		return task.Reply{}, fmt.Errorf("attach with %d descriptors: %w", len(files), errInvalid)
	}
	_, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		task.CloseAll(files)
		return task.Reply{}, err
	}
	p.attach(*q.Attach, files[0])
	return task.Reply{}, nil
}

func (k *Keeper) resize(q *task.Request, _ []*os.File) (task.Reply, error) {
	_, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		return task.Reply{}, err
	}
	if !p.terminal {
		return task.Reply{}, nil
	}
	raw, err := p.in.f.SyscallConn()
	if err != nil {
		return task.Reply{}, err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: q.Height, Col: q.Width})
	})
	return task.Reply{}, errors.Join(err, set)
}

func (k *Keeper) signal(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, p, err := k.find(q.ID, q.Exec)
	if err != nil {
		return task.Reply{}, err
	}
	if q.Exec == "" && q.All {
		err = c.rt.Signal(unix.Signal(q.Signal), true)
	}
	// Under the lock the pid is the program's: it is reaped under the same lock.
	k.mu.Lock()
	switch {
	case q.Exec == "" && q.All:
	case p.reaped:
		k.mu.Unlock()
		return task.Reply{}, fmt.Errorf("process %d of container %s ended: %w", p.pid, q.ID, errNotFound)
	default:
		err = unix.Kill(p.pid, unix.Signal(q.Signal))
	}
	paused := c.paused
	k.mu.Unlock()
	if q.Signal == int(unix.SIGKILL) && paused && q.Exec == "" {
		// On cgroup v1 a frozen process does not even die.
		_ = k.freeze(q.ID, false)
	}
	return task.Reply{}, err
}

func (k *Keeper) freeze(id string, on bool) error {
	c, _, err := k.find(id, "")
	if err != nil {
		return err
	}
	if on {
		err = c.rt.Pause()
	} else {
		err = c.rt.Resume()
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	c.paused = on
	return nil
}

func (k *Keeper) update(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, _, err := k.find(q.ID, "")
	if err != nil {
		return task.Reply{}, err
	}
	if q.Resources == nil {
		return task.Reply{}, fmt.Errorf("update of container %s without limits: %w", q.ID, errInvalid)
	}
	return task.Reply{}, c.rt.Update(q.Resources)
}

func (k *Keeper) describe(q *task.Request, _ []*os.File) (task.Reply, error) {
	c, _, err := k.find(q.ID, "")
	if err != nil {
		return task.Reply{}, err
	}
	var d task.Description
	if d.Pids, err = c.rt.Pids(); err != nil {
		return task.Reply{}, err
	}
	if d.Cgroups, err = c.rt.CgroupPaths(); err != nil {
		return task.Reply{}, err
	}
	return task.Reply{Description: &d}, nil
}

// forget drops an ended exec, or a container whose program ended, once its cgroup is gone.
func (k *Keeper) forget(id, exec string) error {
	c, p, err := k.find(id, exec)
	if err != nil {
		return nil // forgotten already
	}
	k.mu.Lock()
	over := p.exit != nil
	k.mu.Unlock()
	if !over {
		return fmt.Errorf("program %d of container %s is running: %w", p.pid, id, errConflict)
	}
	if exec == "" {
		<-c.deleted
	}
	k.mu.Lock()
	if exec == "" {
		delete(k.containers, id)
	} else {
		delete(c.execs, exec)
	}
	k.mu.Unlock()
	k.exits.forget(id, exec)
	return nil
}
