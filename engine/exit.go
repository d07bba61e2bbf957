package engine

import (
	"context"
	"strconv"
	"sync"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/lifecycle"
	"box/engine/task"
)

// onExit takes in that a program ended. It is told again of exits that were not forgotten, so it checks by pid.
func (e *Engine) onExit(x task.Exit) {
	if x.Exec != "" {
		e.onExecExit(x)
		return
	}
	e.mu.RLock()
	c := e.containers[x.Container]
	e.mu.RUnlock()
	if c == nil {
		e.forget(x.Container, "") // removed by a daemon that was cut off
		return
	}
	c.Lock()
	defer c.Unlock()
	st, _ := c.Now()
	if st.Pid != x.Pid || !st.Running() {
		e.forget(x.Container, "")
		return
	}
	e.ended(c, x)
}

// ended brings a container whose program ended to rest; c.op is held.
func (e *Engine) ended(c *lifecycle.Container, x task.Exit) {
	c.Uncheck()
	c.UnwatchOOM()
	st, _ := c.Now()
	again, delay := e.restartAfter(c, &st, x)
	rec := c.Record()
	var tellMounts func()
	var unmounts sync.WaitGroup // the kernel may write to the disk for them
	unmounts.Go(func() {
		e.unmountRoots(&rec)
		tellMounts = e.dropMounts(&rec)
	})
	tellNetworks := e.leave(context.Background(), c, st.Endpoints, st.Sandbox != "" && ownsSandbox(rec.Host))
	unmounts.Wait()
	c.Signals.Lock() // what was sent is told of before
	defer c.Signals.Unlock()
	next := api.StateExited
	if again {
		next = api.StateRestarting
	}
	err := c.Ended(next, x.Code, func(s *lifecycle.Status) {
		s.Pid, s.ExitCode, s.OOMKilled, s.Finished = 0, x.Code, x.OOMKilled, x.At.UTC()
		s.Endpoints, s.Sandbox = nil, ""
		if again {
			s.Restarts++
			s.Backoff = delay
		}
	}, func(rec *lifecycle.Record) {
		// Who hears of the end finds it in the state, and who waits for it comes after it was told.
		e.tellEnd(rec, &st, x, x.OOMKilled && !c.OOMTold())
		tellNetworks()
		tellMounts()
	})
	if err != nil {
		e.log.Error("end of a container", "container", short(x.Container), "error", err)
	}
	e.dropWaiting(c.Execs())
	e.forget(x.Container, "") // by now the state has it
	if again {
		e.restartIn(c, delay)
		return
	}
	e.removeEnded(c)
}

// tellEnd publishes that the program of a container has ended, which was as st says until then; oom is what was not told when it happened.
func (e *Engine) tellEnd(rec *lifecycle.Record, st *lifecycle.Status, x task.Exit, oom bool) {
	publish := func(action events.Action, more ...string) {
		e.bus.Publish(context.Background(), events.ContainerEventType, action, rec.ID, rec.Attributes(more...))
	}
	if oom {
		publish(events.ActionOOM)
	}
	publish(events.ActionDie, "exitCode", strconv.Itoa(x.Code), "execDuration", strconv.Itoa(int(x.At.Sub(st.Started).Seconds())))
}

// forget lets the keeper drop an ended container or exec.
func (e *Engine) forget(id, exec string) {
	if err := e.o.Tasks.Task(id).Forget(context.Background(), exec); err != nil {
		e.log.Debug("forget", "container", short(id), "exec", short(exec), "error", err)
	}
}

// autoRemove is --rm.
func (e *Engine) autoRemove(c *lifecycle.Container) {
	c.Lock()
	defer c.Unlock()
	if !c.Idle() {
		return // started again meanwhile, or about to be
	}
	if err := e.remove(context.Background(), c, true); err != nil {
		e.log.Warn("remove container that ended", "container", short(c.ID()), "error", err)
	}
}
