package engine

import (
	"context"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/lifecycle"
	"box/engine/task"
)

// Back-off of the restart policy: it doubles with each restart up to the longest, and begins anew after a run that
// lasted long enough.
const (
	firstBackoff   = 100 * time.Millisecond
	longestBackoff = time.Minute
	goodRun        = 10 * time.Second
)

// restartAfter is what the restart policy says to an exit.
func (e *Engine) restartAfter(c *lifecycle.Container, st *lifecycle.Status, x task.Exit) (again bool, delay time.Duration) {
	p := c.Record().Host.RestartPolicy
	if st.NoRestart || e.stopped.Err() != nil {
		return false, 0
	}
	switch {
	case p.IsAlways(), p.IsUnlessStopped() && !st.ByHand:
	case p.IsOnFailure() && x.Code != 0 && (p.MaximumRetryCount == 0 || st.Restarts < p.MaximumRetryCount):
	default:
		return false, 0
	}
	return true, nextBackoff(st.Backoff, x.At.Sub(st.Started))
}

// nextBackoff is how long to wait before the next restart, after a wait of last and a run of ran.
func nextBackoff(last, ran time.Duration) time.Duration {
	if last == 0 || ran >= goodRun {
		return firstBackoff
	}
	return min(2*last, longestBackoff)
}

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
				e.log.Error("restart", "container", short(c.ID()), "error", err)
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
