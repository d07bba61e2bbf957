// Package logs keeps what containers print: the writers that the keeper feeds, and the readers behind
// `docker logs`. The format of json-file is Docker's, so that log shippers find what they know.
package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Stream says which of a program's two outputs a line came from.
type Stream byte

const (
	// Stdout is the standard output, or the terminal.
	Stdout Stream = 1
	// Stderr is the standard error.
	Stderr Stream = 2
)

// String is the stream's name in a log.
func (s Stream) String() string {
	if s == Stderr {
		return "stderr"
	}
	return "stdout"
}

// maxLine is how long one record's text may be; a longer line is split, as Docker does, and only its last part
// ends with a newline.
const maxLine = 16 << 10

// File writes one container's output as json-file. A record is written in one call of write(2), so what a crash
// cuts is at most the last record. It may be used from any goroutine.
type File struct {
	mu      sync.Mutex
	f       *os.File
	partial map[Stream][]byte // an unfinished line of each stream
	record  []byte            // records of one Write, kept to save allocations
}

// OpenFile opens the log at path for appending, and makes it with mode 0640 where it is missing. A record that
// a crash cut is ended, so that the next one starts on a line of its own.
func OpenFile(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	if err := endCutRecord(f); err != nil {
		return nil, errors.Join(fmt.Errorf("log %s: %w", path, err), f.Close())
	}
	return &File{f: f, partial: map[Stream][]byte{}}, nil
}

func endCutRecord(f *os.File) error {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, st.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

// Write takes output of one stream as it came, at a time. Whole lines are written; the rest waits for its end,
// for maxLine, or for Flush.
func (l *File) Write(s Stream, p []byte, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = l.record[:0]
	if old := l.partial[s]; len(old) > 0 {
		p = append(old, p...)
		l.partial[s] = nil
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 && len(p) < maxLine {
			l.partial[s] = bytes.Clone(p)
			break
		}
		if end == 0 || end > maxLine+1 {
			end = maxLine
		}
		l.record = appendRecord(l.record, s, p[:end], at)
		p = p[end:]
	}
	return l.write()
}

// Flush writes unfinished lines as they are.
func (l *File) Flush(at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.record = l.record[:0]
	for _, s := range []Stream{Stdout, Stderr} {
		if p := l.partial[s]; len(p) > 0 {
			l.record = appendRecord(l.record, s, p, at)
			delete(l.partial, s)
		}
	}
	return l.write()
}

// write appends l.record; l.mu is held.
func (l *File) write() error {
	if len(l.record) == 0 {
		return nil
	}
	_, err := l.f.Write(l.record)
	if cap(l.record) > 4*maxLine {
		l.record = nil
	}
	return err
}

// Partial is what Write still holds back, for a keeper that hands its work over; Restore takes it up again.
func (l *File) Partial() map[Stream][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partial
}

// Restore undoes Partial in another process.
func (l *File) Restore(partial map[Stream][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, p := range partial {
		l.partial[s] = p
	}
}

// Close closes the file. What was not flushed is lost.
func (l *File) Close() error { return l.f.Close() }

// appendRecord appends {"log":...,"stream":...,"time":...} and a newline.
func appendRecord(b []byte, s Stream, text []byte, at time.Time) []byte {
	b = append(b, `{"log":`...)
	b = appendString(b, text)
	b = append(b, `,"stream":"`...)
	b = append(b, s.String()...)
	b = append(b, `","time":"`...)
	b = at.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, "\"}\n"...)
}

// appendString appends text as a JSON string (RFC 8259, section 7) with what HTML minds escaped, as Docker does; a byte
// that is no UTF-8 becomes U+FFFD.
func appendString(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for len(text) > 0 {
		c := text[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text)
			switch {
			case r == utf8.RuneError && n == 1:
				b = append(b, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				b = append(b, `\u202`...)
				b = append(b, hex[r&0xf])
			default:
				b = append(b, text[:n]...)
			}
			text = text[n:]
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' || c == '<' || c == '>' || c == '&':
			b = append(b, `\u00`...)
			b = append(b, hex[c>>4], hex[c&0xf])
		default:
			b = append(b, c)
		}
		text = text[1:]
	}
	return append(b, '"')
}

// Remove deletes the log at path and its rotated files. What is gone already is no error.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return err
}

// tailStart finds the offset in f at which its last n lines begin.
func tailStart(f *os.File, n int) (int64, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || n <= 0 {
		return size, err
	}
	const block = 32 << 10
	buf := make([]byte, block)
	seen := 0
	for end := size; end > 0; {
		start := max(end-block, 0)
		p := buf[:end-start]
		if _, err := f.ReadAt(p, start); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		for i := len(p) - 1; i >= 0; i-- {
			// The newline that ends the file ends its last line and begins none.
			if p[i] != '\n' || start+int64(i) == size-1 {
				continue
			}
			if seen++; seen == n {
				return start + int64(i) + 1, nil
			}
		}
		end = start
	}
	return 0, nil
}

// watch is an inotify descriptor on one file, or nil where the kernel has none left: readers then poll.
func watch(path string) *os.File {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF); err != nil {
		unix.Close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), "inotify")
}
