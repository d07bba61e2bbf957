package logs

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"time"

	"box/engine/logs/driver"
	"box/engine/logs/remote"
)

// Logger cuts one container's output into lines and hands them to a driver. Its methods may be called from any
// goroutine.
type Logger struct {
	d      driver.Driver
	target *remote.Connection // of d, where it has one
	cache  *file              // a copy for drivers that cannot be read; nil for none
	warn   func(error)
	warned time.Time
	quiet  time.Duration // how long nothing is said after that

	// limit is how many bytes of lines may wait for the driver while Write goes on; 0: Write waits.
	limit int

	turn sync.Mutex // held by Write and Close, also while they wait for the driver

	mu       sync.Mutex // guards what follows, for moments
	ends     [2]ending  // by stream
	queue    queue
	draining bool
	drains   sync.WaitGroup
}

// ending is the end of a stream so far: text without a newline, and what parts of that line there were before.
type ending struct {
	text  []byte
	parts int
	id    string
	at    time.Time // of the first part
}

// Write takes output of one stream as it came, at a time. Whole lines go to the driver; the rest waits for its end, for
// maxLine, or for Close.
//
// A driver that makes one wait is not waited for when the container's log is non-blocking, nor after the end of ctx:
// lines then wait in memory, and what a non-blocking log has no room for is dropped. What could not be logged is
// lost, as with Docker: a full disk must not stop a program.
func (l *Logger) Write(ctx context.Context, s driver.Stream, p []byte, at time.Time) {
	l.turn.Lock()
	defer l.turn.Unlock()
	for len(p) > 0 {
		var line driver.Line
		if p = l.cut(&line, s, p, at); line.Stream != 0 {
			l.give(ctx, &line)
		}
	}
	l.settle()
}

// cut takes the next line of p, or keeps p when it has none, and returns what is left.
func (l *Logger) cut(line *driver.Line, s driver.Stream, p []byte, at time.Time) []byte {
	e := &l.ends[s-1]
	room := driver.MaxLine - len(e.text)
	end := bytes.IndexByte(p[:min(room, len(p))], '\n')
	if end >= 0 && len(e.text) == 0 && e.parts == 0 {
		*line = driver.Line{Stream: s, Time: at, Text: p[:end]}
		return p[end+1:]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case end >= 0:
		*line = e.take(s, p[:end], at)
		line.Last = line.Part > 0
		*e = ending{}
		return p[end+1:]
	case len(p) >= room:
		if e.parts == 0 {
			e.id, e.at = newID(), at
		}
		e.parts++
		*line = e.take(s, p[:room], at)
		line.Part = e.parts
		e.text = nil
		return p[room:]
	}
	e.text = append(e.text, p...)
	return nil
}

// take makes a line of what there is with more.
func (e *ending) take(s driver.Stream, more []byte, at time.Time) driver.Line {
	line := driver.Line{Stream: s, Time: at, Text: more}
	if len(e.text) > 0 {
		line.Text = append(e.text, more...)
	}
	if e.parts > 0 {
		line.Time, line.ID, line.Part = e.at, e.id, e.parts+1
	}
	return line
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// give hands a line on; l.turn is held.
func (l *Logger) give(ctx context.Context, line *driver.Line) {
	if l.cache != nil {
		l.lost(l.cache.Log(ctx, line))
	}
	if l.limit > 0 {
		l.enqueue(ctx, line)
		return
	}
	l.drain(ctx) // what an earlier end of ctx kept back
	if l.Waiting() || !l.deliver(ctx, line) {
		l.keep(line)
	}
}

// deliver tells whether the driver is done with a line; it is not when ctx ended.
func (l *Logger) deliver(ctx context.Context, line *driver.Line) bool {
	err := l.d.Log(ctx, line)
	if err != nil && ctx.Err() != nil {
		return false
	}
	l.lost(err)
	return true
}

// settle ends a batch.
func (l *Logger) settle() {
	if l.cache != nil {
		l.lost(l.cache.Flush())
	}
	if l.limit == 0 {
		l.lost(l.d.Flush())
	}
}

// How often it is said that lines are lost: the more rarely the longer it goes on.
const (
	firstQuiet   = time.Minute
	longestQuiet = 24 * time.Hour
)

// lost says that lines are lost, unless err is nil.
func (l *Logger) lost(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	now := time.Now()
	say := now.Sub(l.warned) >= l.quiet
	if say {
		l.warned, l.quiet = now, min(max(firstQuiet, 2*l.quiet), longestQuiet)
	}
	l.mu.Unlock()
	if say {
		l.warn(err)
	}
}

// Close ends unfinished lines as they are, gives what waits to the driver until ctx ends, and lets go. A stream must
// not be written to any more.
func (l *Logger) Close(ctx context.Context, at time.Time) {
	l.turn.Lock()
	defer l.turn.Unlock()
	for _, s := range []driver.Stream{driver.Stdout, driver.Stderr} {
		l.mu.Lock()
		e := l.ends[s-1]
		l.ends[s-1] = ending{}
		l.mu.Unlock()
		if len(e.text) == 0 {
			continue
		}
		if e.parts == 0 {
			e.id, e.at = newID(), at
		}
		l.give(ctx, &driver.Line{Stream: s, Time: e.at, Text: e.text, Part: e.parts + 1, ID: e.id})
	}
	l.settle()
	l.drains.Wait()
	l.drain(ctx)
	l.lost(l.d.Flush())
	l.lost(l.d.Close())
	if l.cache != nil {
		l.lost(l.cache.Close())
	}
}

// Discard lets go of a log to which nothing was written.
func (l *Logger) Discard() {
	_ = l.d.Close()
	if l.cache != nil {
		_ = l.cache.Close()
	}
}
