package logs

import (
	"errors"
	"io"
	"os"
	"time"

	"box/engine/logs/driver"
)

// format is how records lie in a file. The zero value is json-file's, the other is local's.
type format struct{ local bool }

// Entry is one record of a log.
type Entry struct {
	Stream driver.Stream
	Time   time.Time
	// Ends in a newline unless the line goes on in the next record or was never ended; valid until the next one is read
	Text  []byte
	Attrs map[string]string // labels and variables, where they were asked for
}

// errDamaged is of bytes that are no record.
var errDamaged = errors.New("not a record of the log")

// split finds the first record of b: its length with all that belongs to it, or 0 when more bytes are needed. With
// errDamaged, n bytes are to be left out; none: the rest of the file cannot be read.
func (f format) split(b []byte) (n int, err error) {
	if f.local {
		return splitLocal(b)
	}
	return splitJSON(b)
}

// parse reads a record that split found.
func (f format) parse(record []byte, e *Entry, details bool) error {
	if f.local {
		return parseLocal(record, e)
	}
	return parseJSON(record, e, details)
}

// tail finds where the last n records of the first size bytes of a file begin, and how many they are when there are
// fewer.
func (f format) tail(r io.ReaderAt, size int64, n int) (start int64, found int, err error) {
	if f.local {
		return tailLocal(r, size, n)
	}
	return tailJSON(r, size, n)
}

// whole is how many bytes of a file are whole records; what follows was cut by a crash.
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

// lastTime is the time of a file's last record, the zero time when there is none.
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

// maxRecord bounds one record on disk: 16 KiB of text, six bytes a byte when escaped, and labels.
const maxRecord = 1 << 20

// scanner reads records one after the other. At the end of what there is next gives io.EOF, and may be called again
// when there is more.
type scanner struct {
	r      io.Reader
	format format
	buf    []byte
	lo, hi int   // what is read and not used
	at     int64 // bytes read of r
	broken bool  // nothing more can be made out
}

// next reads a record. What is none is left out.
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
