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

// Logger cuts one container's output into lines and passes them to a driver. Its methods may be called from any
// goroutine.
type Logger struct {
	d      driver.Driver
	target *remote.Connection // of d, nil unless it sends to a server
	cache  *file              // readable copy for drivers that cannot be read, nil for none
	warn   func(error)
	warned time.Time
	quiet  time.Duration // how long no warning follows after that

	// limit is how many bytes of lines may wait for the driver while Write returns; if 0, Write waits.
	limit int

	turn sync.Mutex // held by Write and Close, also while they wait for the driver

	mu       sync.Mutex // guards the fields below, and is only held briefly
	ends     [2]ending  // by stream
	queue    queue
	draining bool
	drains   sync.WaitGroup
}

// ending is the unfinished end of a stream: text without a newline, and the number of parts of that line already
// logged.
type ending struct {
	text  []byte
	parts int
	id    string
	at    time.Time // of the first part
}

// Write logs output of one stream that came at the time at. It passes complete lines to the driver; the rest waits
// for its newline, for the length MaxLine, or for Close.
//
// Write does not wait for a slow driver if the container's log is non-blocking, nor after ctx has ended: lines then
// wait in memory, and a non-blocking log drops those that exceed its buffer. As with Docker, what cannot be logged is
// lost: a full disk must not stop a program.
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

// cut takes the next line from p and returns the rest, or buffers p if it has no complete line.
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

// take makes a line of the buffered text and more.
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

// give passes a line on; l.turn is held.
func (l *Logger) give(ctx context.Context, line *driver.Line) {
	if l.cache != nil {
		l.lost(l.cache.Log(ctx, line))
	}
	if l.limit > 0 {
		l.enqueue(ctx, line)
		return
	}
	l.drain(ctx) // lines kept when an earlier ctx ended
	if l.Waiting() || !l.deliver(ctx, line) {
		l.keep(line)
	}
}

// deliver passes a line to the driver. It returns false if ctx ended before the driver took the line.
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

// Limits on how often to warn about lost lines: the longer it goes on, the less often.
const (
	firstQuiet   = time.Minute
	longestQuiet = 24 * time.Hour
)

// lost warns that lines are lost, unless err is nil or the last warning is recent.
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

// Close logs unfinished lines as they are, passes waiting lines to the driver until ctx ends, and closes it. The log
// must not be written to afterwards.
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

// Discard closes a log to which nothing was written.
func (l *Logger) Discard() {
	_ = l.d.Close()
	if l.cache != nil {
		_ = l.cache.Close()
	}
}
