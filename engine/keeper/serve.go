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

// serve takes requests until the returned function is called, which waits for those under way.
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
			came := k.arrivals.add()
			k.handlers.Go(func() { k.handle(ctx, conn, came) })
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

// handle answers one request. The end of ctx ends requests that only wait.
func (k *Keeper) handle(ctx context.Context, conn *net.UnixConn, came arrival) {
	k.busy()
	defer k.busy()
	defer came.settle()
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
		_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion, Class: task.RetryClass,
			Error: "keeper is being swapped"})
		conn.Close()
		return
	}
	if q.Verb != task.VerbKeep {
		came.settle()
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
		k.keep(ctx, &q, conn, files, came)
		return
	case task.VerbTake:
		task.CloseAll(files)
		came.await()
		k.take(conn)
		return
	}
	defer conn.Close()
	if stale(q.Verb) && gone(conn) {
		task.CloseAll(files) // nobody would learn of it: a container could be frozen that the daemon takes for running
		return
	}
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

// stale tells whether a request must not be carried out once its client has gone, say while the keeper was stopped.
func stale(verb string) bool {
	switch verb {
	case task.VerbLaunch, task.VerbLaunchBy, task.VerbExec, task.VerbPause, task.VerbResume, task.VerbUpdate,
		task.VerbSignal:
		return true
	}
	return false
}

// gone tells whether the client has hung up.
func gone(conn *net.UnixConn) (is bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, _ := unix.Poll(p, 0)
		is = n > 0 && p[0].Revents&(unix.POLLHUP|unix.POLLRDHUP|unix.POLLERR) != 0
	})
	return is || err != nil
}

func (k *Keeper) answer(ctx context.Context, q *task.Request, files []*os.File) (task.Reply, error) {
	if q.Verb == task.VerbLaunch || q.Verb == task.VerbLaunchBy {
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

// order hands a request to the main loop, which answers on conn.
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
