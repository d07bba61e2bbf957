package engine

import (
	"context"
	"errors"
	"time"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
)

// Restart stops a running container, and starts it.
func (e *Engine) Restart(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	if st, _ := c.Now(); st.Running() {
		// With --rm the end of the program is the end of the container: it must not be removed in between.
		c.Hold()
		defer e.letGo(c)
		if err := e.halt(ctx, c, o); err != nil {
			return err
		}
		e.publish(ctx, c, events.ActionStop)
	}
	if err := e.Start(ctx, c.ID()); err != nil && !errors.Is(err, refuse.ErrNotModified) {
		return err
	}
	e.publish(ctx, c, events.ActionRestart)
	return nil
}

// restartIn starts c again after a delay, unless its state changes before.
func (e *Engine) restartIn(c *lifecycle.Container, delay time.Duration) {
	c.RestartBy(func() *time.Timer {
		return e.later(delay, func() {
			c.Lock()
			defer c.Unlock()
			if st, _ := c.Now(); st.State != api.StateRestarting || e.stopped.Err() != nil {
				return
			}
			if err := e.start(context.Background(), c, func(*lifecycle.Status) {}); err != nil {
				e.log.Error("restart", "container", ident.Short(c.ID()), "error", err)
			}
		})
	})
}

// saveWish saves at once whether c is to run after a reboot. The user of a container with a restart policy was just
// told that it was started or stopped.
func (e *Engine) saveWish(c *lifecycle.Container) {
	if p := c.Record().Host.RestartPolicy; p.IsNone() {
		return
	}
	if err := e.saver.Flush(); err != nil {
		e.log.Error("save statuses", "error", err)
	}
}
