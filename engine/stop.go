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

// defaultStopTimeout is what a program has between its stop signal and SIGKILL.
const defaultStopTimeout = 10 * time.Second

// killWait is how long SIGKILL may take to work: longer means a process in uninterruptible sleep.
const killWait = 10 * time.Second

// StopOptions are what a stop or restart may say differently from the container's configuration.
type StopOptions struct {
	Signal  string
	Seconds *int // before SIGKILL; negative: never
}

// Stop asks the program to end and kills it when it does not in time. One that does not run gives
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

// stopRestarting ends the wait of the restart policy. It has done nothing when there is none, or when the wait was
// over and the program runs by the time it would be ended.
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

// halt signals, waits, kills. It does not hold c.op, which the exit needs.
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

// waitStopped waits for the end of c's program, for timeout at most when it is not negative. Somebody may have
// started the next by then.
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

// signal sends sig to the program; one that has just ended is no error. A paused one is thawed, or it would not learn
// of it.
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

// send is signal without what follows from it.
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

// Kill sends a signal to the program, SIGKILL when name is "". With SIGKILL it returns when the container has ended.
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

// asksToEnd tells whether the restart policy takes a signal for the user's wish that the container ends, by Docker's
// rule: its stop signal, own, and SIGKILL do, and where it has no stop signal of its own, every signal does.
func asksToEnd(own string, sig unix.Signal) bool {
	if own == "" || sig == unix.SIGKILL {
		return true
	}
	stop, err := request.Signal(own)
	return err == nil && stop == sig
}

// letGo ends hold: a container that did not come up again goes now.
func (e *Engine) letGo(c *lifecycle.Container) {
	c.LetGo()
	if st, _ := c.Now(); st.State == api.StateExited {
		e.removeEnded(c)
	}
}

// removeEnded is --rm: it removes, in the background, a container that has ended, unless it is on its way up again.
func (e *Engine) removeEnded(c *lifecycle.Container) {
	if c.Goes() {
		e.background(func() { e.autoRemove(c) })
	}
}

// stopAll stops everything that runs, side by side, for ShutdownTimeout.
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

// anyRunning tells whether a container runs on when this daemon ends.
func (e *Engine) anyRunning() bool {
	for _, c := range e.all() {
		if st, _ := c.Now(); st.Running() {
			return true
		}
	}
	return false
}

// shutDown is a stop that the restart policy does not take for one by hand: the next daemon starts the container again.
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
