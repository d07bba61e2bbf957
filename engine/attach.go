package engine

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/attach"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/task"
)

// Attach connects to the streams of a container's program, or of the next one if it is not running.
func (e *Engine) Attach(ctx context.Context, ref string, o attach.Options) (*attach.Attachment, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	keys, err := attach.Keys(o.DetachKeys)
	if err != nil {
		return nil, err
	}
	rec := c.Record()
	if st, _ := c.Now(); st.State == api.StatePaused {
		return nil, refuse.Conflict("container %s is paused, unpause the container before attach", ref)
	}
	a := &attach.Attachment{Terminal: rec.Config.Tty, Keys: keys}
	closeStdin := o.Stdin && rec.Config.StdinOnce && !rec.Config.Tty
	a.EndsWithInput, a.LeavesAtEOF = o.Stdin && !closeStdin, o.Raw
	a.Leave = func(detached bool) {
		if detached {
			e.publish(ctx, c, events.ActionDetach)
		}
	}
	if o.Logs {
		a.Logs = func(w io.Writer) error {
			return e.writeLog(ctx, c, w, LogOptions{Stdout: o.Stdout, Stderr: o.Stderr, Tail: -1, Raw: o.Raw})
		}
	}
	if !o.Stream {
		return a, nil
	}
	a.Stream, err = task.NewStream(task.Attach{
		Stdin: o.Stdin && rec.Config.OpenStdin, Stdout: o.Stdout, Stderr: o.Stderr, CloseStdin: closeStdin, Raw: o.Raw,
	})
	if err != nil {
		return nil, err
	}
	if err := e.connect(ctx, c, a.Stream); err != nil {
		return nil, errors.Join(err, a.Stream.Close())
	}
	e.publish(ctx, c, events.ActionAttach)
	return a, nil
}

// connect passes the stream to the running program, or keeps it for the next one.
func (e *Engine) connect(ctx context.Context, c *lifecycle.Container, s *task.Stream) error {
	c.Lock() // not between the start of a program and its being known
	defer c.Unlock()
	if c.Gone() {
		return noSuchContainer(c.ID())
	}
	if st, _ := c.Now(); st.Running() {
		return e.o.Tasks.Task(c.ID()).Attach(ctx, "", s.Opts, s.Hand())
	}
	c.Await(s)
	return nil
}

// beginWait is how long a resize of an exec waits for its start, since clients send both at the same time.
const beginWait = 10 * time.Second

// ExecResize sets the size of an exec's terminal. It waits for an exec that is being started.
func (e *Engine) ExecResize(ctx context.Context, id string, height, width uint16) error {
	x, err := e.execution(id)
	if err != nil {
		return err
	}
	select {
	case <-x.begun:
	case <-time.After(beginWait):
		return refuse.Internal("timeout waiting for exec session ready")
	case <-ctx.Done():
		return ctx.Err()
	}
	err = e.o.Tasks.Task(x.c.ID()).Resize(ctx, x.id, width, height)
	if errdefs.IsNotFound(err) {
		return errors.Join(refuse.Conflict("exec %s is not running", ident.Short(id)))
	}
	return err
}

// Resize sets the size of a container's terminal.
func (e *Engine) Resize(ctx context.Context, ref string, height, width uint16) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	if st, _ := c.Now(); !st.Running() {
		return refuse.Conflict("container %s is not running", c.ID())
	}
	if err := e.o.Tasks.Task(c.ID()).Resize(ctx, "", width, height); err != nil {
		return err
	}
	e.publish(ctx, c, events.ActionResize, "height", strconv.Itoa(int(height)), "width", strconv.Itoa(int(width)))
	return nil
}
