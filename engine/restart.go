package engine

import (
	"context"
	"time"

	api "github.com/moby/moby/api/types/container"

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
func (e *Engine) restartAfter(c *container, st *status, x task.Exit) (again bool, delay time.Duration) {
	p := c.snapshot().Host.RestartPolicy
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
func (e *Engine) restartIn(c *container, delay time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restart = e.later(delay, func() {
		c.op.Lock()
		defer c.op.Unlock()
		if st, _ := c.now(); st.State != api.StateRestarting || e.stopped.Err() != nil {
			return
		}
		if err := e.start(context.Background(), c, func(*status) {}); err != nil {
			e.log.Error("restart", "container", short(c.rec.ID), "error", err)
		}
	})
}

// cancelRestart stops a pending restart; c.op is held.
func (c *container) cancelRestart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.restart != nil {
		c.restart.Stop()
		c.restart = nil
	}
}
