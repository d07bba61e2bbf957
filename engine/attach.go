package engine

import (
	"context"
	"errors"
	"io"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/attach"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/task"
)

// Attach connects to the streams of a container's program, or of the one that is started next.
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

// connect gives the stream to the running program, or keeps it for the next one.
func (e *Engine) connect(ctx context.Context, c *lifecycle.Container, s *task.Stream) error {
	c.Lock() // not between the start of a program and its being known
	defer c.Unlock()
	if st, _ := c.Now(); st.Running() {
		return e.o.Tasks.Task(c.ID()).Attach(ctx, "", s.Opts, s.Hand())
	}
	c.Await(s)
	return nil
}
