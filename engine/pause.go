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
	c.Lock()
	defer c.Unlock()
	switch st, _ := c.Now(); st.State {
	case api.StateRunning:
	case api.StatePaused:
		return refuse.Conflict("Container %s is already paused", c.ID())
	case api.StateRestarting:
		return refuse.Conflict("Container %s is restarting, wait until the container is running", c.ID())
	default:
		return refuse.Conflict("Container %s is not running", c.ID())
	}
	if err := e.o.Tasks.Task(c.ID()).Pause(ctx); err != nil {
		return err
	}
	c.Uncheck()
	if err := c.To(api.StatePaused, nil); err != nil {
		return err
	}
	e.publish(ctx, c, events.ActionPause)
	return nil
}

// Unpause resumes a paused container.
func (e *Engine) Unpause(ctx context.Context, ref string) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	c.Lock()
	defer c.Unlock()
	if st, _ := c.Now(); st.State != api.StatePaused {
		return refuse.Internal("Container %s is not paused", c.ID()) // as in Docker
	}
	if err := e.o.Tasks.Task(c.ID()).Resume(ctx); err != nil {
		return err
	}
	if err := c.To(api.StateRunning, nil); err != nil {
		return err
	}
	e.watchHealth(c)
	e.publish(ctx, c, events.ActionUnPause)
	return nil
}
