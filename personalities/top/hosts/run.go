package hosts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/stats/sample"
)

const (
	maxSilence = 5 * time.Second // without a measurement: dead
	firstPause = 250 * time.Millisecond
	maxPause   = 5 * time.Second
)

var (
	errSilent    = fmt.Errorf("no answer for %v", maxSilence)
	errEnded     = errors.New("the daemon has closed the connection")
	errAway      = errors.New("the daemon has ended")
	errUnwatched = errors.New("nobody watches")
)

// run measures while somebody watches, until the end of ctx.
func (h *Host) run(ctx context.Context) {
	defer h.endGroups()
	pause := firstPause
	for ctx.Err() == nil {
		watched, stop := h.watched(ctx)
		if watched == nil {
			h.endGroups()
			select {
			case <-h.wake:
			case <-ctx.Done():
			}
			pause = firstPause
			continue
		}
		before, began := h.State().Set, h.now()
		err := h.follow(watched)
		if watched.Err() == nil {
			h.dead(err)
			if h.groups != nil {
				h.groups.begin(ctx, h.measuredGroups)
			}
			if h.State().Set != before && h.now().Sub(began) > maxPause {
				pause = firstPause // it was alive
			}
			wait(watched, pause)
			pause = min(2*pause, maxPause)
		}
		stop()
	}
}

// endGroups ends the measuring by control groups, and waits for that.
func (h *Host) endGroups() {
	if h.groups != nil {
		h.groups.end()
		h.groups.work.Wait()
	}
}

// watched returns a context that ends when nobody watches any longer, or nil if nobody does now.
func (h *Host) watched(ctx context.Context) (context.Context, func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watchers) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	h.unwatch = cancel
	return ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		cancel()
		h.unwatch = nil
	}
}

// wait waits before the next attempt.
func wait(ctx context.Context, pause time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	<-ctx.Done()
}

// follow measures the host by its daemon until that fails, and returns why. A daemon that does not know box's own calls
// is Docker.
func (h *Host) follow(ctx context.Context) error {
	ctx, alive, stop := h.guard(ctx)
	defer stop()
	err := h.api.Monitor(ctx, func(set *sample.Set) error {
		alive()
		h.measured(Box, set, true)
		return nil
	})
	if errdefs.IsNotFound(err) {
		err = h.followDocker(ctx, alive)
	}
	if cause := context.Cause(ctx); cause != nil && cause != context.Canceled {
		return cause
	}
	if err == nil {
		err = errEnded
	}
	return err
}

// guard returns a context that ends when alive was not called for too long, or when the daemon is known to have ended.
func (h *Host) guard(ctx context.Context) (_ context.Context, alive, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(h.silence, func() { cancel(errSilent) })
	select {
	case <-h.away: // of the attempt before
	default:
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-h.away:
			cancel(errAway)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { timer.Reset(h.silence) }, func() {
		timer.Stop()
		cancel(errUnwatched)
		<-ended
	}
}
