package task

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// How long a keeper may take. One that works on a request says so when it is asked, as long as it takes; one that
// hangs does not.
var (
	answerWait = 10 * time.Second // until the keeper is asked whether it lives, and for its answer to that
	shortLimit = 2 * time.Minute  // for a request that starts nothing
	longLimit  = 15 * time.Minute // for one that starts a program: a server of a log driver may take its time
)

// silence is of a keeper that does not answer.
type silence struct {
	pid  int
	verb string
	wait time.Duration
}

func (e *silence) Error() string {
	verb, _, _ := strings.Cut(e.verb, "-") // launch, however it is done
	return fmt.Sprintf("keeper (process %d) has not answered %s within %v: it hangs or is stopped", e.pid, verb, e.wait)
}

func (e *silence) Unwrap() error { return errdefs.ErrUnavailable }

// limitOf is the deadline of a request, 0 for none.
func limitOf(verb string) time.Duration {
	switch verb {
	case VerbWatch:
		return 0 // it lasts as long as both live
	case VerbLaunch, VerbLaunchBy, VerbExec:
		return longLimit
	}
	return shortLimit
}

// begins tells of requests that wait for a keeper which is being replaced.
func begins(verb string) bool {
	return verb == VerbLaunch || verb == VerbLaunchBy || verb == VerbExec
}

// absent tells of an error of connect(2) that nobody listens.
func absent(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// vigil cuts a request off whose keeper is silent.
type vigil struct {
	c    *Client
	q    Request
	conn *net.UnixConn
	err  atomic.Pointer[silence]
	done chan struct{}
	over sync.WaitGroup
}

func (c *Client) vigil(ctx context.Context, q Request, conn *net.UnixConn) *vigil {
	v := &vigil{c: c, q: q, conn: conn, done: make(chan struct{})}
	v.over.Go(func() { v.keep(ctx) })
	return v
}

// end is due. It gives the error of a keeper that was silent.
func (v *vigil) end() error {
	close(v.done)
	v.over.Wait()
	if err := v.err.Load(); err != nil {
		return err
	}
	return nil
}

func (v *vigil) keep(ctx context.Context) {
	began, limit := time.Now(), limitOf(v.q.Verb)
	ask := time.NewTimer(answerWait)
	defer ask.Stop()
	for {
		select {
		case <-v.done:
			return
		case <-ctx.Done():
			return
		case <-ask.C:
		}
		if v.q.Verb != VerbHello && time.Since(began) < limit && v.c.alive(ctx) {
			ask.Reset(min(answerWait, limit-time.Since(began)))
			continue
		}
		select {
		case <-v.done: // it answered meanwhile
			return
		default:
		}
		e := &silence{pid: keeperOf(v.conn), verb: v.q.Verb, wait: time.Since(began).Round(time.Millisecond)}
		v.err.Store(e)
		if v.c.Silent != nil && v.q.Verb != VerbHello {
			v.c.Silent(e)
		}
		_ = v.conn.SetDeadline(time.Unix(1, 0))
		return
	}
}

// alive asks the keeper.
func (c *Client) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	_, _, err := c.Hello(ctx)
	return err == nil
}

// Responds asks the keeper whether it lives, for as long as ctx lasts; the error says which process does not answer.
func (c *Client) Responds(ctx context.Context) error {
	began := time.Now()
	conn, err := net.Dial("unix", c.socket)
	if err != nil {
		return fmt.Errorf("connect to keeper: %w: %w", err, errdefs.ErrUnavailable)
	}
	defer conn.Close()
	if _, _, err = c.Hello(ctx); err != nil && ctx.Err() != nil {
		return &silence{pid: keeperOf(conn.(*net.UnixConn)), verb: VerbHello, wait: time.Since(began).Round(time.Millisecond)}
	}
	return err
}

// keeperOf is the process that listens at the other end, as the kernel says, 0 if it does not.
func keeperOf(conn *net.UnixConn) (pid int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) {
		if who, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(who.Pid)
		}
	})
	return pid
}
