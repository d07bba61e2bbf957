package engine

import (
	"context"

	"github.com/moby/moby/api/types/events"

	"box/engine/ident"
	"box/engine/lifecycle"
)

// watchOOM publishes an event when a running container with a memory limit has no memory left. Nothing else reports
// that with --oom-kill-disable, or if not the first program is killed. The container is locked, or not known to others
// yet.
func (e *Engine) watchOOM(c *lifecycle.Container, fresh bool) {
	if fresh {
		c.TellOOM(false)
	}
	rec := c.Record()
	if rec.Host.Memory <= 0 {
		return
	}
	c.WatchOOM(func() (end func()) {
		groups, err := e.groups()
		if err != nil {
			e.log.Warn("no oom events of a container", "container", ident.Short(rec.ID), "error", err)
			return nil
		}
		w, err := groups.Open(rec.Cgroup).WatchOOM(fresh, func(killed bool) {
			c.Change(func(s *lifecycle.Status) { s.OOMKilled = s.OOMKilled || killed })
			c.TellOOM(true)
			e.publish(context.Background(), c, events.ActionOOM)
		})
		if err != nil { // mostly because it has ended
			e.log.Debug("no oom events of a container", "container", ident.Short(rec.ID), "error", err)
			return nil
		}
		leave := context.AfterFunc(e.stopped, w.Close)
		return func() {
			leave()
			w.Close()
		}
	})
}

// resumeOOM watches the containers that an earlier daemon left running.
func (e *Engine) resumeOOM() {
	for _, c := range e.all() {
		if st, _ := c.Now(); st.Running() && c.Damaged() == "" {
			e.watchOOM(c, false)
		}
	}
}
