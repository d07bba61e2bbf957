// Package push sends measurements to InfluxDB and Graphite. Over an outage they are kept on the disk, bounded, and sent
// afterwards in order: a number may be sent twice, which both databases take for one, and is lost only when the bound
// is met.
package push

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"box/engine/stats/sample"
)

// Bounds and pauses.
const (
	every      = 10 * time.Second // one measurement is sent
	holdBytes  = 256 << 10        // kept in memory before it goes to the disk
	holdTime   = time.Minute
	spoolBytes = 8 << 20
	firstPause = time.Second
	mostPause  = time.Minute
)

// Pusher sends to one target. Run has to be called.
type Pusher struct {
	target *Target
	spool  spool
	log    *slog.Logger
	more   chan struct{}

	mu     sync.Mutex
	held   []byte    // newest lines, not sent
	since  time.Time // when the first of them was added
	last   time.Time // of the measurements that were added
	failed bool      // what was sent last did not arrive
}

// New returns a pusher that keeps what it cannot send in the folder dir.
func New(t *Target, dir string, log *slog.Logger) *Pusher {
	return &Pusher{target: t, spool: spool{dir: dir, bound: spoolBytes}, log: log, more: make(chan struct{}, 1)}
}

// Add takes a measurement, unless one was taken less than ten seconds ago. It waits for the disk at most, when much
// could not be sent.
func (p *Pusher) Add(set *sample.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := set.At.Sub(p.last); d >= 0 && d < every-time.Second/2 {
		return
	}
	p.last = set.At
	if len(p.held) == 0 {
		p.since = time.Now()
	}
	p.held = append(p.held, p.target.lines(set)...)
	if p.failed && (len(p.held) > holdBytes || time.Since(p.since) > holdTime) {
		p.keep()
	}
	select {
	case p.more <- struct{}{}:
	default: // Run knows already
	}
}

// keep moves what is held to the disk. p.mu is held.
func (p *Pusher) keep() {
	if len(p.held) == 0 {
		return
	}
	lost, err := p.spool.add(p.held)
	if err != nil {
		p.log.Error("numbers are lost that could be neither sent nor kept", "to", p.target.String(), "error", err)
	}
	if lost > 0 {
		p.log.Warn("the oldest numbers that could not be sent are lost", "to", p.target.String(), "bytes", lost)
	}
	p.held = nil
}

// Run sends until ctx ends. What was not sent by then is kept on the disk.
func (p *Pusher) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		err := p.drain(ctx)
		p.note(err)
		wait := p.more
		var again <-chan time.Time
		if err != nil {
			wait, again = nil, time.After(pause)
			pause = min(2*pause, mostPause)
		} else {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-wait:
		case <-again:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep()
}

// note logs when a target is lost and when it is back.
func (p *Pusher) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch failed := err != nil; {
	case failed && !p.failed && !errors.Is(err, context.Canceled):
		p.log.Warn("numbers cannot be sent; they are kept", "to", p.target.String(), "error", err)
	case !failed && p.failed:
		p.log.Info("numbers are sent again", "to", p.target.String())
	}
	p.failed = err != nil
}

// drain sends what is on the disk, and then what is held.
func (p *Pusher) drain(ctx context.Context) error {
	for {
		lines, done, err := p.spool.oldest()
		if err != nil {
			return err
		}
		if done == nil {
			break
		}
		if err := p.send(ctx, lines); err != nil {
			return err
		}
		if err := done(); err != nil {
			return err
		}
	}
	p.mu.Lock()
	lines := p.held
	p.held = nil
	p.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	err := p.send(ctx, lines)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.held = append(lines, p.held...)
	}
	return err
}

// send sends lines, or drops them if the target will never take them.
func (p *Pusher) send(ctx context.Context, lines []byte) error {
	err := p.target.send(ctx, lines)
	if errors.Is(err, errRefused) {
		p.log.Error("numbers are dropped", "to", p.target.String(), "error", err)
		return nil
	}
	return err
}
