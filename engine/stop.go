package engine

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
)

// defaultStopTimeout is the time between the stop signal and SIGKILL.
const defaultStopTimeout = 10 * time.Second

// killWait is how long SIGKILL may take. If it takes longer, a process is in uninterruptible sleep.
const killWait = 10 * time.Second

// StopOptions override a container's configuration for a stop or restart.
type StopOptions struct {
	Signal  string
	Seconds *int // before SIGKILL; negative: never
}

// Stop sends the stop signal, and kills the program if it does not end in time. If it is not running, the error is
// refuse.ErrNotModified.
func (e *Engine) Stop(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	if done, err := e.stopRestarting(ctx, c); done || err != nil {
		return err
	}
	if st, _ := c.Now(); !st.Running() {
		return refuse.NotModified("container %s is not running", ident.Short(c.ID()))
	}
	if err := e.halt(ctx, c, o); err != nil {
		return err
	}
	if done, err := e.stopRestarting(ctx, c); done || err != nil { // it ended by itself just before
		return err
	}
	e.saveWish(c)
	e.publish(ctx, c, events.ActionStop)
	return nil
}

// stopRestarting ends the delay before an automatic restart. done is false if there was none, or if the program was
// started meanwhile.
func (e *Engine) stopRestarting(ctx context.Context, c *lifecycle.Container) (done bool, err error) {
	if st, _ := c.Now(); st.State != api.StateRestarting {
		return false, nil
	}
	c.Lock()
	defer c.Unlock()
	if st, _ := c.Now(); st.State != api.StateRestarting {
		return false, nil
	}
	c.CancelRestart()
	if err := c.To(api.StateExited, func(s *lifecycle.Status) { s.ByHand, s.NoRestart = true, true }); err != nil {
		return false, err
	}
	e.saveWish(c)
	e.publish(ctx, c, events.ActionStop)
	return true, nil
}

// halt sends the signal, waits, and kills. It does not hold c.op, which the handling of the exit needs.
func (e *Engine) halt(ctx context.Context, c *lifecycle.Container, o StopOptions) error {
	rec := c.Record()
	name := o.Signal
	if name == "" {
		name = rec.Config.StopSignal
	}
	sig := unix.SIGTERM
	if name != "" {
		var err error
		if sig, err = request.Signal(name); err != nil {
			return err
		}
	}
	timeout := time.Duration(*e.settings().Container.StopTimeout) * time.Second
	if rec.Config.StopTimeout != nil {
		timeout = time.Duration(*rec.Config.StopTimeout) * time.Second
	}
	if o.Seconds != nil {
		timeout = time.Duration(*o.Seconds) * time.Second
	}
	end := c.End()
	c.Change(func(s *lifecycle.Status) { s.ByHand, s.NoRestart = true, true })
	if err := e.signal(ctx, c, sig); err != nil {
		return err
	}
	if waitStopped(ctx, c, end, timeout) || ctx.Err() != nil {
		return ctx.Err()
	}
	return e.killHard(ctx, c, end)
}

// killHard sends SIGKILL and waits for the end.
func (e *Engine) killHard(ctx context.Context, c *lifecycle.Container, end *lifecycle.End) error {
	if err := e.signal(ctx, c, unix.SIGKILL); err != nil {
		return err
	}
	if !waitStopped(ctx, c, end, killWait) {
		return errors.Join(ctx.Err(), refuse.Conflict("container %s did not end within %s of SIGKILL: a process of it may "+
			"be stuck in the kernel", ident.Short(c.ID()), killWait))
	}
	return nil
}

// waitStopped waits for the end of c's program, at most for timeout unless that is negative. The next run may have
// started by then.
func waitStopped(ctx context.Context, c *lifecycle.Container, end *lifecycle.End, timeout time.Duration) bool {
	if timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for {
		st, changed := c.Now()
		if !st.Running() || end.Over() {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// signal sends sig to the program. It is no error if the program has just ended. A paused one is resumed, because it
// would not receive the signal.
func (e *Engine) signal(ctx context.Context, c *lifecycle.Container, sig unix.Signal) error {
	all := sig == unix.SIGKILL && !c.Record().Host.PidMode.IsPrivate()
	if err := e.send(ctx, c, sig, all); err != nil {
		return err
	}
	if st, _ := c.Now(); st.State == api.StatePaused && sig != unix.SIGKILL { // with that one the keeper thaws it
		if err := e.Unpause(ctx, c.ID()); err != nil {
			e.log.Warn("thaw container that was sent a signal", "container", ident.Short(c.ID()), "error", err)
		}
	}
	return nil
}

// send sends a signal without these effects.
func (e *Engine) send(ctx context.Context, c *lifecycle.Container, sig unix.Signal, all bool) error {
	c.Signals.RLock()
	defer c.Signals.RUnlock()
	err := e.o.Tasks.Task(c.ID()).Signal(ctx, "", sig, all)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err == nil {
		e.publish(ctx, c, events.ActionKill, "signal", strconv.Itoa(int(sig)))
	}
	return err
}

// Kill sends a signal to the program, SIGKILL if name is "". After SIGKILL it waits for the end.
func (e *Engine) Kill(ctx context.Context, ref, name string) error {
	sig := unix.SIGKILL
	if name != "" {
		var err error
		if sig, err = request.Signal(name); err != nil {
			return err
		}
	}
	c, err := e.container(ref)
	if errdefs.IsNotFound(err) {
		return refuse.NotFound("Cannot kill container: %s: %v", ref, err)
	}
	if err != nil {
		return err
	}
	if sig > 64 {
		return refuse.Invalid("Cannot kill container: %s: The linux daemon does not support signal %d", ref, sig)
	}
	if done, err := e.stopRestarting(ctx, c); done || err != nil {
		return err
	}
	if st, _ := c.Now(); !st.Running() {
		return refuse.Conflict("Cannot kill container: %s: Container %s is not running", ref, c.ID())
	}
	end := c.End()
	asks := asksToEnd(c.Record().Config.StopSignal, sig)
	c.Change(func(s *lifecycle.Status) { s.ByHand, s.NoRestart = true, s.NoRestart || asks })
	if sig != unix.SIGKILL {
		return e.signal(ctx, c, sig)
	}
	return e.killHard(ctx, c, end)
}

// asksToEnd tells whether a signal stops automatic restarts, by Docker's rule: the stop signal own and SIGKILL do, and
// if the container has no stop signal of its own, all signals do.
func asksToEnd(own string, sig unix.Signal) bool {
	if own == "" || sig == unix.SIGKILL {
		return true
	}
	stop, err := request.Signal(own)
	return err == nil && stop == sig
}

// letGo ends Hold, and removes a container with --rm that was not restarted.
func (e *Engine) letGo(c *lifecycle.Container) {
	c.LetGo()
	if st, _ := c.Now(); st.State == api.StateExited {
		e.removeEnded(c)
	}
}

// removeEnded implements --rm: it removes a container that has ended in the background, unless it is being restarted.
func (e *Engine) removeEnded(c *lifecycle.Container) {
	if c.Goes() {
		e.background(func() { e.autoRemove(c) })
	}
}

// stopAll stops all running containers at the same time, within ShutdownTimeout.
func (e *Engine) stopAll(ctx context.Context) {
	if wait := e.settings().ShutdownTimeout; wait >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait+killWait)
		defer cancel()
	}
	var wg sync.WaitGroup
	for _, c := range e.all() {
		st, _ := c.Now()
		if !st.Running() {
			continue
		}
		wg.Go(func() {
			if err := e.shutDown(ctx, c); err != nil {
				e.log.Warn("stop container", "container", ident.Short(c.ID()), "error", err)
			}
		})
	}
	wg.Wait()
}

// anyRunning tells whether a container keeps running when this daemon ends.
func (e *Engine) anyRunning() bool {
	for _, c := range e.all() {
		if st, _ := c.Now(); st.Running() {
			return true
		}
	}
	return false
}

// shutDown stops a container in a way that lets the next daemon start it again.
func (e *Engine) shutDown(ctx context.Context, c *lifecycle.Container) error {
	timeout := int(e.settings().ShutdownTimeout / time.Second)
	if own := c.Record().Config.StopTimeout; own != nil && (timeout < 0 || *own < timeout) {
		timeout = *own
	}
	before, _ := c.Now()
	err := e.halt(ctx, c, StopOptions{Seconds: &timeout})
	c.Change(func(s *lifecycle.Status) { s.ByHand = before.ByHand })
	return err
}
