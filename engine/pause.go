package engine

import (
	"context"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/refuse"
)

// Pause freezes a running container.
func (e *Engine) Pause(ctx context.Context, ref string) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	c.op.Lock()
	defer c.op.Unlock()
	switch st, _ := c.now(); st.State {
	case api.StateRunning:
	case api.StatePaused:
		return refuse.Conflict("Container %s is already paused", c.rec.ID)
	case api.StateRestarting:
		return refuse.Conflict("Container %s is restarting, wait until the container is running", c.rec.ID)
	default:
		return refuse.Conflict("Container %s is not running", c.rec.ID)
	}
	if err := e.o.Tasks.Task(c.rec.ID).Pause(ctx); err != nil {
		return err
	}
	e.unwatchHealth(c)
	if err := e.to(c, api.StatePaused, nil); err != nil {
		return err
	}
	e.publish(ctx, c, events.ActionPause)
	return nil
}

// Unpause thaws a paused container.
func (e *Engine) Unpause(ctx context.Context, ref string) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	c.op.Lock()
	defer c.op.Unlock()
	if st, _ := c.now(); st.State != api.StatePaused {
		return refuse.Internal("Container %s is not paused", c.rec.ID) // as in Docker
	}
	if err := e.o.Tasks.Task(c.rec.ID).Resume(ctx); err != nil {
		return err
	}
	if err := e.to(c, api.StateRunning, nil); err != nil {
		return err
	}
	e.watchHealth(c)
	e.publish(ctx, c, events.ActionUnPause)
	return nil
}
