package engine

import (
	"context"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/ident"
	"box/engine/lifecycle"
)

// restartIn starts c again after a while, unless somebody does something with it before.
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

// saveWish puts on the disk at once whether c is to run after a restart of the machine: of a container with a restart policy its
// user was told just now that it is up, or stopped, for good.
func (e *Engine) saveWish(c *lifecycle.Container) {
	if p := c.Record().Host.RestartPolicy; p.IsNone() {
		return
	}
	if err := e.saver.Flush(); err != nil {
		e.log.Error("save statuses", "error", err)
	}
}
