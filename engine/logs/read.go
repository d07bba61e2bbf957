package logs

import (
	"context"
	"errors"
	"io"
	"time"
)

// Query selects what to read.
type Query struct {
	Since, Until time.Time // zero for no bound
	Tail         int       // only the last records, all if negative
	Details      bool      // with Attrs
	Follow       bool      // continue with new records until Done is closed and everything is read
	Done         <-chan struct{}
	Idle         func() error // called when everything so far was delivered, before waiting for more; may be nil
}

// Read calls fn for the records that q selects, in order. It skips what does not parse, as after a crash. A missing
// log counts as empty.
func (l Files) Read(ctx context.Context, q Query, fn func(*Entry) error) error {
	if l.Path == "" {
		return nil
	}
	parts, err := openAll(l.Path)
	r := &reader{q: q, fn: fn, path: l.Path, format: format{local: l.Local}, parts: parts}
	defer func() { closeAll(r.parts) }()
	if err == nil {
		err = r.read(ctx)
	}
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

// errEnd ends a read early, at a record after Until.
var errEnd = errors.New("end of the log that was asked for")

type reader struct {
	q      Query
	fn     func(*Entry) error
	path   string
	format format
	parts  []*part  // still to be read; in reads the first
	in     *scanner // nil if there is none
	entry  Entry
}

func (r *reader) read(ctx context.Context) error {
	if err := r.begin(); err != nil {
		return err
	}
	for {
		if _, err := r.drain(ctx); err != nil {
			return err
		}
		if len(r.parts) <= 1 {
			break
		}
		if err := r.advance(); err != nil {
			return err
		}
	}
	if !r.q.Follow {
		return nil
	}
	return r.follow(ctx)
}

// begin finds the first record to read, and closes the files before it.
func (r *reader) begin() error {
	var from int64
	skip, first := 0, 0
	if r.q.Tail >= 0 {
		wanted := r.q.Tail
		for i := len(r.parts) - 1; i >= 0; i-- {
			var found int
			var err error
			if from, skip, found, err = r.parts[i].tail(r.format, wanted); err != nil {
				return err
			}
			first = i
			if wanted -= found; wanted == 0 {
				break
			}
		}
	} else if !r.q.Since.IsZero() {
		for first < len(r.parts)-1 && r.before(r.parts[first]) {
			first++
		}
	}
	closeAll(r.parts[:first])
	r.parts = r.parts[first:]
	if len(r.parts) == 0 {
		return nil
	}
	if err := r.open(from); err != nil {
		return err
	}
	for ; skip > 0; skip-- {
		if err := r.in.next(&r.entry, false); err != nil {
			break
		}
	}
	return nil
}

// before reports whether everything in a file is older than Since.
func (r *reader) before(p *part) bool {
	last := p.last
	if !p.packed {
		last = lastTime(p.f, r.format)
	}
	return !last.IsZero() && last.Before(r.q.Since)
}

// open starts reading the first of parts.
func (r *reader) open(from int64) error {
	in, err := r.parts[0].records(r.format, from)
	if err != nil {
		return err
	}
	if r.in != nil {
		in.buf = r.in.buf
	}
	r.in = in
	return nil
}

// advance moves on to the next file.
func (r *reader) advance() error {
	r.parts[0].close()
	r.parts = r.parts[1:]
	return r.open(0)
}

// drain reads to the present end of the file, and reports whether there was anything.
func (r *reader) drain(ctx context.Context) (read bool, err error) {
	for n := 0; r.in != nil; n++ {
		if n%64 == 0 && ctx.Err() != nil {
			return read, ctx.Err()
		}
		switch err := r.in.next(&r.entry, r.q.Details); {
		case errors.Is(err, io.EOF), err != nil && r.parts[0].packed: // a truncated compressed file simply ends
			return read, nil
		case err != nil:
			return read, err
		}
		read = true
		if err := r.give(); err != nil {
			return read, err
		}
	}
	return read, nil
}

func (r *reader) give() error {
	if !r.q.Since.IsZero() && r.entry.Time.Before(r.q.Since) {
		return nil
	}
	if !r.q.Until.IsZero() && r.entry.Time.After(r.q.Until) {
		return errEnd
	}
	return r.fn(&r.entry)
}
