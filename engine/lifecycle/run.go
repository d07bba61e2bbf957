package lifecycle

import (
	"context"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/task"
)

// End is the end of one run of the program.
type End struct {
	done chan struct{} // closed when it is there
	code int
}

func newEnd() *End { return &End{done: make(chan struct{})} }

// Over tells whether the run has ended.
func (x *End) Over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// Code returns the exit code of a run that has ended.
func (x *End) Code() int { return x.code }

// End returns the end of the current run, or of the next one.
func (c *Container) End() *End {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// Ended moves a container whose program has ended to its next state. tell is called after the state has changed, and
// before those who wait for the end are woken.
func (c *Container) Ended(next api.ContainerState, code int, change func(*Status), tell func(*Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.to(next, func(s *Status) {
		change(s)
		tell(&c.rec)
		c.end.code = code
		close(c.end.done)
		c.end = newEnd()
	})
}

// Waiting removes and returns the streams that were attached before the program started.
func (c *Container) Waiting() []*task.Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	return waiting
}

// Await adds a stream for the next run.
func (c *Container) Await(s *task.Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, s)
}

// Execs returns the IDs of the execs that have not ended.
func (c *Container) Execs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.execs)
}

// AddExec adds an exec to the list, and returns the list.
func (c *Container) AddExec(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.execs = append(c.execs, id)
	return slices.Clone(c.execs)
}

// DropExec removes an exec from the list, which is nil when it is empty, because inspect shows null then.
func (c *Container) DropExec(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.execs = slices.DeleteFunc(c.execs, func(have string) bool { return have == id }); len(c.execs) == 0 {
		c.execs = nil
	}
}

// RestartBy sets the timer of the next automatic restart, which CancelRestart stops. start is called under the lock for
// which a cancellation waits.
func (c *Container) RestartBy(start func() *time.Timer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = start()
}

// CancelRestart stops a pending restart. The long lock is held.
func (c *Container) CancelRestart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// Hold delays --rm while the container is being restarted on request, until LetGo.
func (c *Container) Hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts++
}

// LetGo ends Hold.
func (c *Container) LetGo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts--
}

// Goes tells whether the container is removed when it ends, and is not being restarted on request.
func (c *Container) Goes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec.Host.AutoRemove && c.restarts == 0
}

// Idle tells whether the program is not running and not being restarted on request.
func (c *Container) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restarts == 0 && !c.st.Running()
}

// Check stores the function that ends the health checks which start now, and ends earlier ones.
func (c *Container) Check(cancel context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks != nil {
		c.checks()
	}
	c.checks = cancel
}

// Uncheck ends the health checks of a container that is stopped or paused. As in Docker, it counts as unhealthy.
func (c *Container) Uncheck() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks == nil {
		return
	}
	c.checks()
	c.checks = nil
	if c.st.Health != nil {
		h := *c.st.Health
		h.Status = api.Unhealthy
		c.st.Health = &h
	}
}

// Judge sets the health after one more result, unless ctx is done. It saves only if the status changed, so that checks
// do not cause writes.
func (c *Container) Judge(ctx context.Context, judge func(*Status) *api.Health) (after api.HealthStatus, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil || c.st.Health == nil {
		return "", false
	}
	before := c.st.Health.Status
	c.st.Health = judge(&c.st)
	after = c.st.Health.Status
	if after == before {
		return after, false
	}
	c.touched()
	return after, true
}

// WatchOOM stores the function that ends a watch of the memory, unless there is one. The long lock is held. watch may
// return nil.
func (c *Container) WatchOOM(watch func() (end func())) {
	c.mu.Lock()
	has := c.oom != nil
	c.mu.Unlock()
	if has {
		return
	}
	end := watch()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.oom = end
}

// UnwatchOOM ends the watch. The long lock is held.
func (c *Container) UnwatchOOM() {
	c.mu.Lock()
	end := c.oom
	c.oom = nil
	c.mu.Unlock()
	if end != nil {
		end()
	}
}

// TellOOM records whether the event that this run is out of memory was sent; a new run sets false.
func (c *Container) TellOOM(told bool) { c.oomTold.Store(told) }

// OOMTold returns what TellOOM recorded.
func (c *Container) OOMTold() bool { return c.oomTold.Load() }
