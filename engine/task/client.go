package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Client talks to a keeper. It keeps no connection between calls, so calls also reach a keeper that was swapped or
// restarted.
type Client struct {
	Silent func(error) // called when a keeper does not answer in time, unless nil

	socket string
}

// Dial makes a client for the keeper at socket. It does not connect: the first call does.
func Dial(socket string) *Client { return &Client{socket: socket} }

// swapWait bounds how long a call waits while the keeper is swapped. The socket stays open, so connections queue, but
// a call in progress is cut off and sent again.
const swapWait = 10 * time.Second

// errRetry means that the keeper has not begun the request, by its reply or because the connection broke before.
var errRetry = errors.New("keeper is being swapped")

// RetryClass marks the reply to a request that the keeper did not begin because it is being swapped.
const RetryClass = "retry"

// call sends q and returns the reply. It sends again what the keeper has not begun.
func (c *Client) call(ctx context.Context, q Request, files ...*os.File) (Reply, error) {
	limit := time.Now().Add(swapWait)
	for {
		r, err := c.once(ctx, q, files)
		pause := 2 * time.Millisecond
		switch {
		case errors.Is(err, errRetry):
		case begins(q.Verb) && absent(err): // the keeper is being replaced
			pause = 20 * time.Millisecond
		default:
			return r, err
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			return r, err
		}
		time.Sleep(pause)
	}
}

func (c *Client) once(ctx context.Context, q Request, files []*os.File) (Reply, error) {
	var r Reply
	conn, err := c.open(ctx, q, files)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	v := c.vigil(ctx, q, conn)
	got, err := Receive(conn, &r)
	CloseAll(got)
	if silent := v.end(); err != nil && silent != nil {
		return r, silent
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return r, errRetry // the keeper ended before it read the request
	}
	if err != nil {
		return r, c.lost(ctx, q, err)
	}
	if r.Class == RetryClass {
		return r, errRetry
	}
	return r, r.Err()
}

// lost is the error if a connection ends without a reply: the request's result is unknown.
func (c *Client) lost(ctx context.Context, q Request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("keeper ended during %s: %w: %w", q.Verb, err, errdefs.ErrUnavailable)
}

func (c *Client) open(ctx context.Context, q Request, files []*os.File) (*net.UnixConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err != nil {
		return nil, fmt.Errorf("connect to keeper: %w: %w", err, errdefs.ErrUnavailable)
	}
	u := conn.(*net.UnixConn)
	q.Version = ProtocolVersion
	_ = u.SetWriteDeadline(time.Now().Add(answerWait))
	defer u.SetWriteDeadline(time.Time{})
	if err := Send(u, q, files...); err != nil {
		u.Close()
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return nil, errRetry
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, &silence{pid: keeperOf(u), verb: q.Verb, wait: answerWait}
		}
		return nil, fmt.Errorf("send %s to keeper: %w", q.Verb, err)
	}
	return u, nil
}

// Hello asks the keeper for its build and its pid.
func (c *Client) Hello(ctx context.Context) (build string, pid int, err error) {
	r, err := c.call(ctx, Request{Verb: VerbHello})
	return r.Build, r.Pid, err
}

// Launch implements Launcher.
func (c *Client) Launch(ctx context.Context, l Launch, attached []*os.File) (Status, error) {
	defer CloseAll(attached)
	verb := VerbLaunch
	if l.Runtime != "" && l.Runtime != Box {
		verb = VerbLaunchBy
	}
	r, err := c.call(ctx, Request{Verb: verb, ID: l.ID, Launch: &l}, attached...)
	if err != nil {
		return Status{}, err
	}
	if len(r.Status) != 1 {
		return Status{}, fmt.Errorf("keeper answered %d containers for one: %w", len(r.Status), errdefs.ErrDataLoss)
	}
	return r.Status[0], nil
}

// Find implements Launcher.
func (c *Client) Find(ctx context.Context) ([]Status, error) {
	r, err := c.call(ctx, Request{Verb: VerbFind})
	return r.Status, err
}

// Watch implements Launcher. It continues across a swap of the keeper.
func (c *Client) Watch(ctx context.Context, fn func(Exit)) error {
	for {
		if err := c.watchOnce(ctx, fn); !errors.Is(err, errRetry) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (c *Client) watchOnce(ctx context.Context, fn func(Exit)) error {
	conn, err := c.open(ctx, Request{Verb: VerbWatch}, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	defer stop()
	for {
		var r Reply
		files, err := Receive(conn, &r)
		CloseAll(files)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && errors.Is(err, io.EOF):
			// The keeper has ended, or was swapped and lives: the next call tells which.
			if _, _, err := c.Hello(ctx); err != nil {
				return err
			}
			return errRetry
		case err != nil:
			return fmt.Errorf("watch keeper: %w: %w", err, errdefs.ErrUnavailable)
		case r.Class == RetryClass:
			return errRetry
		case r.Exit != nil:
			fn(*r.Exit)
		}
	}
}

// Hold passes descriptors to the keeper to hold until Drop. If forward is set, they are sockets whose traffic the
// keeper forwards there.
func (c *Client) Hold(ctx context.Context, key string, files []*os.File, forward []netip.AddrPort) error {
	q := Request{Verb: VerbHold, ID: key}
	for _, a := range forward {
		q.Forward = append(q.Forward, a.String())
	}
	_, err := c.call(ctx, q, files...)
	return err
}

// Drop ends Hold.
func (c *Client) Drop(ctx context.Context, key string) error {
	_, err := c.call(ctx, Request{Verb: VerbDrop, ID: key})
	return err
}

// Swap makes the keeper continue in the executable at path, which must speak this protocol. The containers do not
// notice. If the executable refuses the state, the keeper stays as it is and returns the reason.
func (c *Client) Swap(ctx context.Context, path string) error {
	_, err := c.call(ctx, Request{Verb: VerbSwap, Path: path})
	return err
}

// Quit ends a keeper that owns nothing. One that does refuses with errdefs.ErrConflict.
func (c *Client) Quit(ctx context.Context) error {
	_, err := c.call(ctx, Request{Verb: VerbQuit})
	return err
}

// Task implements Launcher.
func (c *Client) Task(id string) Task { return remoteTask{c: c, id: id} }

// remoteTask is a container owned by a keeper.
type remoteTask struct {
	c  *Client
	id string
}

func (t remoteTask) do(ctx context.Context, q Request, files ...*os.File) (Reply, error) {
	q.ID = t.id
	return t.c.call(ctx, q, files...)
}

func (t remoteTask) Exec(ctx context.Context, e Exec, attached []*os.File) (int, error) {
	defer CloseAll(attached)
	r, err := t.do(ctx, Request{Verb: VerbExec, Exec: e.ID, Run: &e}, attached...)
	return r.Pid, err
}

func (t remoteTask) Attach(ctx context.Context, exec string, a Attach, f *os.File) error {
	defer f.Close()
	_, err := t.do(ctx, Request{Verb: VerbAttach, Exec: exec, Attach: &a}, f)
	return err
}

func (t remoteTask) Resize(ctx context.Context, exec string, width, height uint16) error {
	_, err := t.do(ctx, Request{Verb: VerbResize, Exec: exec, Width: width, Height: height})
	return err
}

func (t remoteTask) Signal(ctx context.Context, exec string, sig unix.Signal, all bool) error {
	_, err := t.do(ctx, Request{Verb: VerbSignal, Exec: exec, Signal: int(sig), All: all})
	return err
}

func (t remoteTask) Pause(ctx context.Context) error {
	_, err := t.do(ctx, Request{Verb: VerbPause})
	return err
}

func (t remoteTask) Resume(ctx context.Context) error {
	_, err := t.do(ctx, Request{Verb: VerbResume})
	return err
}

func (t remoteTask) Update(ctx context.Context, r *specs.LinuxResources) error {
	_, err := t.do(ctx, Request{Verb: VerbUpdate, Resources: r})
	return err
}

func (t remoteTask) Describe(ctx context.Context) (Description, error) {
	r, err := t.do(ctx, Request{Verb: VerbDescribe})
	if err != nil || r.Description == nil {
		return Description{}, err
	}
	return *r.Description, nil
}

func (t remoteTask) Forget(ctx context.Context, exec string) error {
	_, err := t.do(ctx, Request{Verb: VerbForget, Exec: exec})
	return err
}
