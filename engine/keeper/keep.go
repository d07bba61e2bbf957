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

// keepWait is how long sockets stay open after the daemon that gave them is gone: longer than an init takes to start
// the next one, and short enough for clients of a daemon that was stopped for good.
const keepWait = 10 * time.Second

// kept are API sockets that outlive a daemon, so that clients who connect while it is replaced wait and are not
// refused.
type kept struct {
	names []string
	fds   []int         // not files: each connection to the daemon would wake Go's poller
	owner *net.UnixConn // open as long as the daemon lives
	gone  chan struct{} // closed when somebody else has the files
	once  sync.Once
}

// park duplicates the descriptors of files and closes files.
func park(files []*os.File) (fds []int) {
	defer task.CloseAll(files)
	for _, f := range files {
		fd, err := number(f)
		if err != nil {
			continue
		}
		if copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			fds = append(fds, copied)
		}
	}
	return fds
}

// let closes the sockets unless they were taken.
func (s *kept) let() {
	s.once.Do(func() {
		for _, fd := range s.fds {
			unix.Close(fd)
		}
		close(s.gone)
	})
}

// keep holds files as long as the client lives and for keepWait after it, unless the client gives them up. A swap
// closes them, since the daemon that asked for it hands them over anew.
func (k *Keeper) keep(ctx context.Context, q *task.Request, conn *net.UnixConn, files []*os.File, came arrival) {
	defer conn.Close()
	s := &kept{names: q.Names, fds: park(files), owner: conn, gone: make(chan struct{})}
	err := k.setKept(s)
	came.settle()
	if err != nil {
		s.let()
		_ = task.Send(conn, task.Fail(err))
		return
	}
	defer k.dropKept(s)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion}) // sockets outlive even a client that has gone
	n, err := conn.Read(make([]byte, 1))
	if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	k.outlive(ctx, s)
}

// outlive waits for the next daemon. If none comes and the keeper owns nothing, it asks the keeper to quit.
func (k *Keeper) outlive(ctx context.Context, s *kept) {
	wait := time.NewTimer(keepWait)
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-s.gone:
	case <-wait.C:
		s.let()
		k.mu.Lock()
		needed := k.kept != s || len(k.containers)+len(k.held) > 0
		k.mu.Unlock()
		if needed {
			return
		}
		select {
		case k.orders <- order{idle: true}:
		default: // busy with a daemon's order, so there is a daemon
		}
	}
}

func (k *Keeper) setKept(s *kept) error {
	if len(s.names) != len(s.fds) {
		return fmt.Errorf("%d names for %d sockets: %w", len(s.names), len(s.fds), errInvalid)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept != nil {
		if alive(k.kept.owner) {
			return fmt.Errorf("another daemon's sockets are kept here: %w", errConflict)
		}
		k.kept.let()
	}
	k.kept = s
	return nil
}

func (k *Keeper) dropKept(s *kept) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.let() // before anybody learns that none are kept
	if k.kept == s {
		k.kept = nil
	}
}

// take sends the client the sockets of a daemon that is gone. The client owns them from then on.
func (k *Keeper) take(conn *net.UnixConn) {
	defer conn.Close()
	k.mu.Lock()
	s := k.kept
	var err error
	if s != nil && ended(s.owner) {
		s.let()
		s, k.kept = nil, nil
	}
	switch {
	case s == nil:
		err = fmt.Errorf("no sockets are kept: %w", errNotFound)
	case alive(s.owner):
		err = fmt.Errorf("the daemon whose sockets are kept runs: %w", errConflict)
	default:
		k.kept = nil
	}
	k.mu.Unlock()
	if err != nil {
		_ = task.Send(conn, task.Fail(err))
		return
	}
	sent := false
	s.once.Do(func() {
		sent = true
		var files []*os.File
		for _, fd := range s.fds {
			files = append(files, os.NewFile(uintptr(fd), "kept"))
		}
		// A client that left gets nothing.
		_ = task.Send(conn, task.Reply{Version: task.ProtocolVersion, Names: s.names}, files...)
		task.CloseAll(files)
		close(s.gone)
	})
	if !sent { // closed a moment ago
		_ = task.Send(conn, task.Fail(fmt.Errorf("no sockets are kept: %w", errNotFound)))
	}
}

// alive tells whether the process at the other end of c has it open. It asks the socket, since nobody may have read
// yet that the process ended.
func alive(c *net.UnixConn) bool {
	_, err := peek(c)
	return errors.Is(err, unix.EAGAIN)
}

// ended tells whether the daemon at the other end of c gave its sockets up: it sent a byte, which nobody has read
// yet.
func ended(c *net.UnixConn) bool {
	n, err := peek(c)
	return err == nil && n > 0
}

// peek tells how many bytes come next on c, at most one, without taking them or waiting.
func peek(c *net.UnixConn) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var peekErr error
	err = raw.Control(func(fd uintptr) {
		n, _, peekErr = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return n, errors.Join(err, peekErr)
}
