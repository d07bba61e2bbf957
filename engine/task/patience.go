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

// Limits on a keeper's answer. A keeper that still works on a request answers when it is asked whether it is alive;
// one that hangs does not.
var (
	answerWait = 10 * time.Second // before the keeper is asked whether it is alive, and for that answer
	shortLimit = 2 * time.Minute  // for requests that start no program
	longLimit  = 15 * time.Minute // for requests that do: a log driver's server may be slow
)

// silence is the error for a keeper that does not answer.
type silence struct {
	pid  int
	verb string
	wait time.Duration
}

func (e *silence) Error() string {
	verb, _, _ := strings.Cut(e.verb, "-") // drops the suffix of the launch verbs
	return fmt.Sprintf("keeper (process %d) has not answered %s within %v: it hangs or is stopped", e.pid, verb, e.wait)
}

func (e *silence) Unwrap() error { return errdefs.ErrUnavailable }

// limitOf returns the time limit of a request, 0 for none.
func limitOf(verb string) time.Duration {
	switch verb {
	case VerbWatch:
		return 0 // lasts until either side ends
	case VerbLaunch, VerbLaunchBy, VerbExec:
		return longLimit
	}
	return shortLimit
}

// begins reports whether a request waits for a keeper that is being replaced.
func begins(verb string) bool {
	return verb == VerbLaunch || verb == VerbLaunchBy || verb == VerbExec || verb == VerbNames
}

// absent reports whether connect(2) failed because nobody listens.
func absent(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// vigil cuts off a request whose keeper is silent.
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

// end must be called. It returns an error if the keeper was silent.
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
		case <-v.done: // the reply has come meanwhile
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

// alive asks the keeper whether it is alive.
func (c *Client) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	_, _, err := c.Hello(ctx)
	return err == nil
}

// Responds asks the keeper whether it is alive, waiting until ctx ends. The error names the process that does not
// answer.
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

// keeperOf returns the process that listens at the other end, 0 if the kernel does not say.
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
