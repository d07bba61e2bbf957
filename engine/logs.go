package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine/logs"
)

// LogOptions say what of a container's log is wanted.
type LogOptions struct {
	Stdout, Stderr bool
	Since, Until   time.Time
	Timestamps     bool
	Follow         bool
	Tail           int // lines, negative for all
}

// Log is a container's log, ready to be read.
type Log struct {
	Terminal bool // bytes as they are, else Docker's frames
	Copy     func(ctx context.Context, w io.Writer) error
}

// Logs finds a container's log.
func (e *Engine) Logs(ref string, o LogOptions) (*Log, error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	if !o.Stdout && !o.Stderr {
		return nil, invalid("Bad parameters: you must choose at least one stream")
	}
	rec := c.snapshot()
	if rec.Host.LogConfig.Type != "json-file" {
		return nil, &classed{errUnreadableLog, "configured logging driver does not support reading"}
	}
	return &Log{
		Terminal: rec.Config.Tty,
		Copy:     func(ctx context.Context, w io.Writer) error { return e.writeLog(ctx, c, w, rec.Config.Tty, o) },
	}, nil
}

// errUnreadableLog is the class Docker has for it: an error of the server's.
var errUnreadableLog = errors.New("log cannot be read")

// timeFormat is RFC 3339 with all nine digits, so that lines align.
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

func (e *Engine) writeLog(ctx context.Context, c *container, w io.Writer, terminal bool, o LogOptions) error {
	q := logs.Query{Since: o.Since, Until: o.Until, Tail: o.Tail, Follow: o.Follow}
	if o.Follow {
		ended := make(chan struct{})
		q.Done = ended
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go func() {
			defer close(ended)
			e.waitOver(ctx, c)
		}()
	}
	var frame []byte
	err := logs.Read(ctx, e.logPath(c.rec.ID), q, func(l logs.Entry) error {
		if l.Stream == logs.Stdout && !o.Stdout || l.Stream == logs.Stderr && !o.Stderr {
			return nil
		}
		frame = frame[:0]
		if !terminal {
			frame = append(frame, byte(l.Stream), 0, 0, 0, 0, 0, 0, 0)
		}
		if o.Timestamps {
			frame = append(l.Time.AppendFormat(frame, timeFormat), ' ')
		}
		frame = append(frame, l.Text...)
		if !terminal {
			binary.BigEndian.PutUint32(frame[4:], uint32(len(frame)-8))
		}
		_, err := w.Write(frame)
		return err
	})
	if ctx.Err() != nil {
		return nil // the client has seen enough
	}
	return err
}

// waitOver returns when c does not run and will not by itself.
func (e *Engine) waitOver(ctx context.Context, c *container) {
	for {
		c.mu.Lock()
		st, changed, gone := c.st, c.changed, c.gone
		c.mu.Unlock()
		if gone || !st.running() && st.State != api.StateRestarting {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// copyLogs writes all of the log for an attachment that wants the past.
func (e *Engine) copyLogs(ctx context.Context, c *container, w io.Writer, stdout, stderr bool) error {
	return e.writeLog(ctx, c, w, c.snapshot().Config.Tty, LogOptions{Stdout: stdout, Stderr: stderr, Tail: -1})
}
