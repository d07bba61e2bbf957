package engine

import (
	"context"
	"strconv"
	"sync"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/task"
)

// onExit handles the end of a program. Exits are reported again until they are forgotten, so it compares the pid.
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

// ended stops a container whose program has ended. c.op is held.
func (e *Engine) ended(c *lifecycle.Container, x task.Exit) {
	c.Uncheck()
	c.UnwatchOOM()
	st, _ := c.Now()
	again, delay := lifecycle.Again(c.Record().Host.RestartPolicy, &st, x.Code, x.At)
	again = again && e.stopped.Err() == nil
	rec := c.Record()
	var tellMounts func()
	var unmounts sync.WaitGroup // the kernel may write to the disk for them
	unmounts.Go(func() {
		e.roots.UnmountAll(&rec)
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
		e.log.Error("end of a container", "container", ident.Short(x.Container), "error", err)
	}
	e.dropWaiting(c.Execs())
	e.forget(x.Container, "") // by now the state has it
	if again {
		e.restartIn(c, delay)
		return
	}
	e.removeEnded(c)
}

// tellEnd publishes the end of a container's program. st is the status until then. oom is set if an event about memory
// was not published yet.
func (e *Engine) tellEnd(rec *lifecycle.Record, st *lifecycle.Status, x task.Exit, oom bool) {
	publish := func(action events.Action, more ...string) {
		e.bus.Publish(context.Background(), events.ContainerEventType, action, rec.ID, rec.Attributes(more...))
	}
	if oom {
		publish(events.ActionOOM)
	}
	publish(events.ActionDie, "exitCode", strconv.Itoa(x.Code), "execDuration",
		strconv.Itoa(int(x.At.Sub(st.Started).Seconds())))
}

// forget lets the keeper drop an ended container or exec.
func (e *Engine) forget(id, exec string) {
	if err := e.o.Tasks.Task(id).Forget(context.Background(), exec); err != nil {
		e.log.Debug("forget", "container", ident.Short(id), "exec", ident.Short(exec), "error", err)
	}
}

// autoRemove implements --rm.
func (e *Engine) autoRemove(c *lifecycle.Container) {
	c.Lock()
	defer c.Unlock()
	if !c.Idle() {
		return // started again meanwhile, or about to be
	}
	if err := e.remove(context.Background(), c, true); err != nil {
		e.log.Warn("remove container that ended", "container", ident.Short(c.ID()), "error", err)
	}
}

// Wait waits until a container meets the condition. found is called when the container is known and nothing that
// happens from then on is missed. The exit code is that of the run that was waited for.
func (e *Engine) Wait(ctx context.Context, ref string, condition api.WaitCondition, found func()) (api.WaitResponse,
	error) {
	c, err := e.container(ref)
	if err != nil {
		return api.WaitResponse{}, err
	}
	end := c.End()
	found()
	for {
		st, changed := c.Now()
		gone := c.Gone()
		resting := !st.Running() && st.State != api.StateRestarting
		switch {
		case condition == api.WaitConditionRemoved:
			if gone {
				return api.WaitResponse{StatusCode: int64(st.ExitCode)}, nil // a start that failed has said why
			}
		case end.Over(): // also when the restart policy makes a new start of it
			return api.WaitResponse{StatusCode: int64(end.Code())}, nil
		case gone, resting && condition != api.WaitConditionNextExit:
			return waitResponse(&st), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return api.WaitResponse{}, ctx.Err()
		}
	}
}

func waitResponse(st *lifecycle.Status) api.WaitResponse {
	r := api.WaitResponse{StatusCode: int64(st.ExitCode)}
	if st.Error != "" {
		r.Error = &api.WaitExitError{Message: st.Error}
	}
	return r
}

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
