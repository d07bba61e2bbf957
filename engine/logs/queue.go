package logs

import (
	"context"

	"box/engine/logs/driver"
)

// defaultQueue is how many bytes of lines may wait for a driver in non-blocking mode by default.
const defaultQueue = 1_000_000

// queue holds lines that wait for a driver, as records of the driver local.
type queue struct {
	first []byte // being passed to the driver, from the first undelivered line
	rest  []byte // arrived meanwhile
}

func (q *queue) size() int { return len(q.first) + len(q.rest) }

func (q *queue) push(line *driver.Line) { q.rest = appendLocal(q.rest, line) }

// front returns the record of the first line, nil for none. It stays valid while others push.
func (q *queue) front() []byte {
	if len(q.first) == 0 {
		q.first, q.rest = q.rest, nil
	}
	n, err := splitLocal(q.first)
	if err != nil || n == 0 && len(q.first) > 0 {
		*q = queue{} // damaged: it came from another process
	}
	return q.first[:n:n]
}

// pop removes the record that front returned.
func (q *queue) pop() { q.first = q.first[len(q.front()):] }

// enqueue makes a line wait for the driver, or drops it if the queue is full, and makes sure that the queue is being
// drained.
func (l *Logger) enqueue(ctx context.Context, line *driver.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.queue.size(); n > 0 && n+len(line.Text) > l.limit {
		return
	}
	l.queue.push(line)
	l.startDrain(ctx)
}

// keep queues a line that the driver did not take before its context ended.
func (l *Logger) keep(line *driver.Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue.push(line)
}

// startDrain starts draining the queue, unless that is already under way; l.mu is held.
func (l *Logger) startDrain(ctx context.Context) {
	if l.draining || ctx.Err() != nil || l.queue.size() == 0 {
		return
	}
	l.draining = true
	l.drains.Go(func() { l.drain(ctx) })
}

// Waiting reports whether lines wait for the driver.
func (l *Logger) Waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queue.size() > 0
}

// drain passes waiting lines to the driver until none are left or ctx ends. Only one caller at a time is allowed: the
// holder of turn, or startDrain's goroutine.
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

// Resume continues to deliver lines that wait since an earlier context ended. A blocking log returns once none are
// left or ctx ends; a non-blocking one returns at once.
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

// Stop waits until draining has ended, after the context of Write has.
func (l *Logger) Stop() { l.drains.Wait() }
