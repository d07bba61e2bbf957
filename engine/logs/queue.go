package logs

import (
	"bytes"
	"context"
)

// defaultQueue is how many bytes of lines wait for a driver in non-blocking mode when no option says.
const defaultQueue = 1_000_000

// lineCost is what a waiting line takes besides its text.
const lineCost = 128

// enqueue lets a line wait for the driver, or drops it when there is no room, and sees to it that somebody takes lines out.
func (l *Logger) enqueue(ctx context.Context, line *Line) {
	size := len(line.Text) + lineCost
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queued+size > l.limit && len(l.queue) > 0 {
		return
	}
	l.push(line)
	l.startDrain(ctx)
}

// keep lets a line wait that a driver did not take before the end of its context.
func (l *Logger) keep(line *Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.push(line)
}

// push adds a copy of line; l.mu is held.
func (l *Logger) push(line *Line) {
	c := *line
	c.Text = bytes.Clone(line.Text)
	l.queue = append(l.queue, c)
	l.queued += len(c.Text) + lineCost
}

// startDrain begins to take lines out, unless that is done already; l.mu is held.
func (l *Logger) startDrain(ctx context.Context) {
	if l.draining || ctx.Err() != nil || len(l.queue) == 0 {
		return
	}
	l.draining = true
	l.drains.Go(func() { l.drain(ctx) })
}

// Waiting tells whether lines wait for the driver.
func (l *Logger) Waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0
}

// drain gives what waits to the driver until nothing does or ctx ends. It is called by one at a time: the holder of turn, or
// the goroutine of startDrain.
func (l *Logger) drain(ctx context.Context) {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.queue, l.draining = nil, false
			l.mu.Unlock()
			return
		}
		line := l.queue[0]
		last := len(l.queue) == 1
		l.mu.Unlock()
		if !l.deliver(ctx, &line) {
			break
		}
		if last {
			l.lost(l.d.flush())
		}
		l.mu.Lock()
		l.queue[0] = Line{}
		l.queue = l.queue[1:]
		l.queued -= len(line.Text) + lineCost
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.draining = false
	l.mu.Unlock()
}

// Resume goes on with what waits for the driver since the end of an earlier context, and returns when nothing does or ctx ends.
func (l *Logger) Resume(ctx context.Context) {
	if !l.Waiting() {
		return
	}
	if l.limit > 0 {
		l.mu.Lock()
		l.startDrain(ctx)
		l.mu.Unlock()
		return
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	l.drain(ctx)
	l.lost(l.d.flush())
}

// Stop waits, after the end of the context of Write, until nothing is done any more.
func (l *Logger) Stop() { l.drains.Wait() }
