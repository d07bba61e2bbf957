package lifecycle

import (
	"context"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/task"
)

// End is the end of one run of a program, which the next run does not change.
type End struct {
	done chan struct{} // closed when it is there
	code int
}

func newEnd() *End { return &End{done: make(chan struct{})} }

// Over tells whether the end is there.
func (x *End) Over() bool {
	select {
	case <-x.done:
		return true
	default:
		return false
	}
}

// Code is the exit code, once the end is there.
func (x *End) Code() int { return x.code }

// End is the end of the program that runs, or of the next.
func (c *Container) End() *End {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// Ended moves a container whose program has ended. tell is called when the state has it, and before who waits for the
// end hears of it.
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

// Waiting takes the streams that were attached before the program started.
func (c *Container) Waiting() []*task.Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	return waiting
}

// Await keeps a stream for the next program.
func (c *Container) Await(s *task.Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, s)
}

// Execs are the IDs of the execs that were made and have not ended.
func (c *Container) Execs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.execs)
}

// AddExec lists an exec, and gives all of them.
func (c *Container) AddExec(id string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.execs = append(c.execs, id)
	return slices.Clone(c.execs)
}

// DropExec takes one off the list, which is nil when that was the last: inspect shows null.
func (c *Container) DropExec(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.execs = slices.DeleteFunc(c.execs, func(have string) bool { return have == id }); len(c.execs) == 0 {
		c.execs = nil
	}
}

// RestartBy keeps the timer of the next restart by the policy, which CancelRestart stops. start is called under the
// lock that makes a cancellation wait for it.
func (c *Container) RestartBy(start func() *time.Timer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = start()
}

// CancelRestart stops a pending restart; the long lock is held.
func (c *Container) CancelRestart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// Hold keeps --rm back while a restart by hand is under way, until LetGo.
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

// Goes tells whether the container is one of --rm that nobody is restarting.
func (c *Container) Goes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rec.Host.AutoRemove && c.restarts == 0
}

// Idle tells whether the program does not run and nobody is restarting it.
func (c *Container) Idle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restarts == 0 && !c.st.Running()
}

// Check keeps what ends the health checks that now begin, and ends those before.
func (c *Container) Check(cancel context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.checks != nil {
		c.checks()
	}
	c.checks = cancel
}

// Uncheck ends the health checks of a container that does not run any more, or is frozen. It counts as unhealthy, as
// in Docker.
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

// Judge gives the health after one more result, while ctx lasts. Only a change of the status is saved: checks must
// not wear the disk.
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

// WatchOOM keeps what ends a watch of the memory, unless there is one; the long lock is held. watch may give nil.
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

// UnwatchOOM ends the watch; the long lock is held.
func (c *Container) UnwatchOOM() {
	c.mu.Lock()
	end := c.oom
	c.oom = nil
	c.mu.Unlock()
	if end != nil {
		end()
	}
}

// TellOOM notes that it was told that this run has met the limit of its memory, or, false, that a new run begins.
func (c *Container) TellOOM(told bool) { c.oomTold.Store(told) }

// OOMTold tells whether it was.
func (c *Container) OOMTold() bool { return c.oomTold.Load() }
