package logs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"time"
)

// Entry is one record of a log. A line longer than 16 KiB is several, of which only the last ends in a newline.
type Entry struct {
	Stream Stream
	Time   time.Time
	Text   []byte // valid until the next one is read
}

// Query says what to read.
type Query struct {
	Since, Until time.Time // zero for no bound
	Tail         int       // last lines only, negative for all
	Follow       bool      // go on with what comes, until Done is closed and everything is read
	Done         <-chan struct{}
}

// pollEvery is how often a follower looks for what inotify may not tell of: the end of the container, and a file
// system without it.
const pollEvery = 250 * time.Millisecond

// maxRecord bounds one record on disk: 16 KiB of text, six bytes a byte when escaped, and the rest.
const maxRecord = 256 << 10

// Read calls fn for the records of the json-file log at path that q asks for, in order. A record that does not parse is
// left out. A file that is not there is an empty log.
func Read(ctx context.Context, path string, q Query, fn func(Entry) error) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if q.Tail >= 0 {
		start, err := tailStart(f, q.Tail)
		if err != nil {
			return err
		}
		if _, err := f.Seek(start, io.SeekStart); err != nil {
			return err
		}
	} else if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := reader{q: q, fn: fn, in: bufio.NewReaderSize(f, 32<<10)}
	if !q.Follow {
		_, err := r.drain(ctx)
		return ignoreEnd(err)
	}
	return ignoreEnd(r.follow(ctx, path))
}

// errEnd ends a read early: a record after Until.
var errEnd = errors.New("end of the log that was asked for")

func ignoreEnd(err error) error {
	if errors.Is(err, errEnd) {
		return nil
	}
	return err
}

type reader struct {
	q    Query
	fn   func(Entry) error
	in   *bufio.Reader
	cut  []byte // the beginning of a record whose end is not written yet
	line record
}

type record struct {
	Log    string    `json:"log"`
	Stream string    `json:"stream"`
	Time   time.Time `json:"time"`
}

// drain reads to the end of the file as it is now.
func (r *reader) drain(ctx context.Context) (read bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return read, err
		}
		part, err := r.in.ReadSlice('\n')
		if err != nil || len(r.cut) > 0 {
			r.cut = append(r.cut, part...)
			part = r.cut
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(r.cut) < maxRecord:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			r.cut = r.cut[:0] // not one of our records: look for the next line
			continue
		case errors.Is(err, io.EOF):
			return read, nil
		case err != nil:
			return read, err
		}
		read = true
		if err := r.give(part); err != nil {
			return read, err
		}
		r.cut = r.cut[:0]
	}
}

func (r *reader) give(raw []byte) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	r.line = record{}
	if err := json.Unmarshal(raw, &r.line); err != nil {
		return nil // cut by a crash, or not ours: the others are still worth showing
	}
	e := Entry{Stream: Stdout, Time: r.line.Time, Text: []byte(r.line.Log)}
	if r.line.Stream == "stderr" {
		e.Stream = Stderr
	}
	if !r.q.Since.IsZero() && e.Time.Before(r.q.Since) {
		return nil
	}
	if !r.q.Until.IsZero() && e.Time.After(r.q.Until) {
		return errEnd
	}
	return r.fn(e)
}

// follow reads on until q.Done is closed and nothing is left, or Until has passed.
func (r *reader) follow(ctx context.Context, path string) error {
	changes := notify(path)
	defer changes.stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ended := closed(r.q.Done)
		read, err := r.drain(ctx)
		if err != nil {
			return err
		}
		if ended && !read {
			return nil
		}
		if read {
			continue
		}
		if !r.q.Until.IsZero() && time.Now().After(r.q.Until) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-r.q.Done:
		case <-changes.c:
		case <-tick.C:
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return c != nil
	default:
		return false
	}
}

// notifier tells when a file may have grown.
type notifier struct {
	c    chan struct{}
	stop func()
}

func notify(path string) notifier {
	n := notifier{c: make(chan struct{}, 1), stop: func() {}}
	f := watch(path)
	if f == nil {
		return n
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			if _, err := f.Read(buf); err != nil {
				return
			}
			select {
			case n.c <- struct{}{}:
			default:
			}
		}
	}()
	n.stop = func() {
		f.Close()
		<-done
	}
	return n
}
