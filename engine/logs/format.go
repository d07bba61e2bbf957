package logs

import (
	"errors"
	"io"
	"os"
	"time"

	"box/engine/logs/driver"
)

// format is how records are stored in a file: json-file's format for the zero value, else local's.
type format struct{ local bool }

// Entry is one record of a log.
type Entry struct {
	Stream driver.Stream
	Time   time.Time
	// Text ends in a newline unless the line continues in the next record or never ended. It is valid until the next
	// read.
	Text  []byte
	Attrs map[string]string // labels and variables, if requested
}

// errDamaged means that bytes are not a record.
var errDamaged = errors.New("not a record of the log")

// split returns the length of the first record of b, or 0 if it needs more bytes. With errDamaged, n bytes are to be
// skipped; if n is 0, the rest of the file is unreadable.
func (f format) split(b []byte) (n int, err error) {
	if f.local {
		return splitLocal(b)
	}
	return splitJSON(b)
}

// parse decodes a record that split found.
func (f format) parse(record []byte, e *Entry, details bool) error {
	if f.local {
		return parseLocal(record, e)
	}
	return parseJSON(record, e, details)
}

// tail finds where the last n records among the first size bytes of a file begin, and how many there are.
func (f format) tail(r io.ReaderAt, size int64, n int) (start int64, found int, err error) {
	if f.local {
		return tailLocal(r, size, n)
	}
	return tailJSON(r, size, n)
}

// whole returns how many bytes of a file are complete records; a crash truncated the rest.
func (f format) whole(r *os.File) (int64, error) {
	st, err := r.Stat()
	if err != nil || st.Size() == 0 {
		return 0, err
	}
	if f.local {
		return wholeLocal(r, st.Size())
	}
	return wholeJSON(r, st.Size())
}

// lastTime returns the time of a file's last record, the zero time if there is none.
func lastTime(r *os.File, f format) time.Time {
	st, err := r.Stat()
	if err != nil {
		return time.Time{}
	}
	start, found, err := f.tail(r, st.Size(), 1)
	if err != nil || found == 0 {
		return time.Time{}
	}
	in := scanner{r: io.NewSectionReader(r, start, st.Size()-start), format: f}
	var e Entry
	if in.next(&e, false) != nil {
		return time.Time{}
	}
	return e.Time
}

// maxRecord bounds a record on disk: 16 KiB of text, each byte escaped to six, and labels.
const maxRecord = 1 << 20

// scanner reads records in order. At the end of the data next returns io.EOF; it may be called again after the file
// has grown.
type scanner struct {
	r      io.Reader
	format format
	buf    []byte
	lo, hi int   // bounds of the unread part of buf
	at     int64 // bytes read from r
	broken bool  // the rest is unreadable
}

// next reads a record, skipping what is not one.
func (s *scanner) next(e *Entry, details bool) error {
	for {
		if s.broken {
			return io.EOF
		}
		n, err := s.format.split(s.buf[s.lo:s.hi])
		if n == 0 && err == nil {
			if err := s.fill(); err != nil {
				return err
			}
			continue
		}
		record := s.buf[s.lo : s.lo+n]
		s.lo += n
		if err != nil {
			s.broken = n == 0
			continue
		}
		if s.format.parse(record, e, details) == nil {
			return nil
		}
	}
}

// fill reads more into buf.
func (s *scanner) fill() error {
	if s.lo > 0 {
		s.hi = copy(s.buf, s.buf[s.lo:s.hi])
		s.lo = 0
	}
	if s.hi == len(s.buf) {
		bigger := make([]byte, max(32<<10, 2*len(s.buf)))
		copy(bigger, s.buf)
		s.buf = bigger
	}
	n, err := s.r.Read(s.buf[s.hi:])
	s.hi += n
	s.at += int64(n)
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}
