package engine

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"

	"box/engine/refuse"
)

// beginWait is how long a change of an exec's terminal waits for its start: clients send both at once.
const beginWait = 10 * time.Second

// ExecResize sets the size of an exec's terminal; one that is being started is waited for.
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
		return errors.Join(refuse.Conflict("exec %s is not running", short(id)))
	}
	return err
}

// Resize sets the size of the terminal of a container's program.
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
