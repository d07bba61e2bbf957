package engine

import (
	"context"

	"github.com/moby/moby/api/types/events"
)

// watchOOM tells when a running container has no memory left: under --oom-kill-disable, and when a program beside its first is killed, nothing
// else does. Only one with a limit has a watch. c.op is held, or nobody else has the container yet.
func (e *Engine) watchOOM(c *container, fresh bool) {
	if fresh {
		c.oomTold.Store(false)
	}
	rec := c.snapshot()
	if rec.Host.Memory <= 0 || c.oom != nil {
		return
	}
	groups, err := e.groups()
	if err != nil {
		e.log.Warn("no oom events of a container", "container", short(rec.ID), "error", err)
		return
	}
	w, err := groups.Open(rec.Cgroup).WatchOOM(fresh, func(killed bool) {
		e.change(c, func(s *status) { s.OOMKilled = s.OOMKilled || killed })
		c.oomTold.Store(true)
		e.publish(context.Background(), c, events.ActionOOM)
	})
	if err != nil { // mostly because it has ended
		e.log.Debug("no oom events of a container", "container", short(rec.ID), "error", err)
		return
	}
	leave := context.AfterFunc(e.stopped, w.Close)
	c.oom = func() {
		leave()
		w.Close()
	}
}

// unwatchOOM ends that; what happened before is told by then. c.op is held.
func (c *container) unwatchOOM() {
	if c.oom != nil {
		c.oom()
		c.oom = nil
	}
}

// resumeOOM watches the containers that ran before the daemon did.
func (e *Engine) resumeOOM() {
	for _, c := range e.all() {
		if st, _ := c.now(); st.running() && c.damaged == "" {
			e.watchOOM(c, false)
		}
	}
}
