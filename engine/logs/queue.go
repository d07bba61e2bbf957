package logs

import (
	"context"

	"box/engine/logs/driver"
)

// defaultQueue is how many bytes of lines wait for a driver in non-blocking mode when no option says.
const defaultQueue = 1_000_000

// queue is lines that wait for a driver, as records of the driver local.
type queue struct {
	first []byte // is given to the driver; from the first line that is not yet
	rest  []byte // came meanwhile
}

func (q *queue) size() int { return len(q.first) + len(q.rest) }

func (q *queue) push(line *driver.Line) { q.rest = appendLocal(q.rest, line) }

// front is the record of the first line, nil for none. It stays as it is while others push.
func (q *queue) front() []byte {
	if len(q.first) == 0 {
		q.first, q.rest = q.rest, nil
	}
	n, err := splitLocal(q.first)
	if err != nil || n == 0 && len(q.first) > 0 {
		*q = queue{} // from another process, and not what one of ours writes
	}
	return q.first[:n:n]
}

// pop takes out the record that front gave.
func (q *queue) pop() { q.first = q.first[len(q.front()):] }

// enqueue lets a line wait for the driver, or drops it when there is no room, and sees to it that somebody takes
// lines out.
func (l *Logger) enqueue(ctx context.Context, line *driver.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.queue.size(); n > 0 && n+len(line.Text) > l.limit {
		return
	}
	l.queue.push(line)
	l.startDrain(ctx)
}

// keep lets a line wait that a driver did not take before the end of its context.
func (l *Logger) keep(line *driver.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.push(line)
}

// startDrain begins to take lines out, unless that is done already; l.mu is held.
func (l *Logger) startDrain(ctx context.Context) {
	if l.draining || ctx.Err() != nil || l.queue.size() == 0 {
		return
	}
	l.draining = true
	l.drains.Go(func() { l.drain(ctx) })
}

// Waiting tells whether lines wait for the driver.
func (l *Logger) Waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.size() > 0
}

// drain gives what waits to the driver until nothing does or ctx ends. It is called by one at a time: the holder of
// turn, or the goroutine of startDrain.
func (l *Logger) drain(ctx context.Context) {
	var line driver.Line
	for {
		l.mu.Lock()
		record := l.queue.front()
		if len(record) == 0 {
			l.draining = false
			l.mu.Unlock()
			return
		}
		last := l.queue.size() == len(record)
		l.mu.Unlock()
		if parseLine(record, &line) == nil && !l.deliver(ctx, &line) {
			break
		}
		if last {
			l.lost(l.d.Flush())
		}
		l.mu.Lock()
		l.queue.pop()
		l.mu.Unlock()
	}
	l.mu.Lock()
	l.draining = false
	l.mu.Unlock()
}

// Resume goes on with what waits for the driver since the end of an earlier context, and returns when nothing does or
// ctx ends.
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
	l.lost(l.d.Flush())
}

// Stop waits, after the end of the context of Write, until nothing is done any more.
func (l *Logger) Stop() { l.drains.Wait() }
