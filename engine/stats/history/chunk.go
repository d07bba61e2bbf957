package history

import (
	"encoding/binary"
	"fmt"

	"github.com/containerd/errdefs"
)

// What a chunk may have. A row that is as bad as can be takes rowBytes.
const (
	maxRows    = 8192
	maxColumns = 32
	rowBytes   = 7
)

// chunk is rows that follow one another.
type chunk struct {
	start   int64 // Unix time of the first row, in seconds
	step    int64 // seconds from one row to the next
	rows    int
	columns int
	data    []byte // nil: it is on its page
	page    int32  // that the directory on disk has for it; none
	next    int32  // that the next directory will have; none
	placed  int    // rows that were written to that
}

const none = -1

func (c *chunk) end() int64 { return c.start + int64(c.rows)*c.step }

// writer is a chunk that is being written, in memory.
type writer struct {
	chunk
	cols []column
	room int // bytes that it may take
}

func newWriter(start, step int64, columns, room int) *writer {
	return &writer{
		chunk: chunk{start: start, step: step, columns: columns, page: none, next: none},
		cols:  make([]column, columns), room: room,
	}
}

// add appends the row of a moment, with rows of nothing for the moments before it that were left out. It tells
// whether that was possible.
func (w *writer) add(start int64, row []int16) bool {
	gap := (start - w.end()) / w.step
	if gap < 0 || int64(w.rows)+gap+1 > maxRows || len(row) != w.columns ||
		w.size()+w.columns*rowBytes*int(min(gap+1, 2)) > w.room {
		return false
	}
	for i := range w.cols {
		for range gap {
			w.cols[i].add(missing)
		}
		w.cols[i].add(row[i])
	}
	w.rows += int(gap) + 1
	return true
}

func (w *writer) size() int {
	n := 0
	for i := range w.cols {
		n += w.cols[i].size() + 2
	}
	return n
}

// bytes is what the chunk is on disk, as of now.
func (w *writer) bytes() []byte {
	out := make([]byte, 0, w.size())
	for i := range w.cols {
		col := w.cols[i].bytes(nil)
		out = binary.AppendUvarint(out, uint64(len(col)))
		out = append(out, col...)
	}
	return out
}

// each calls fn with the rows of a chunk, of which data is what it is on disk. The row is fn's until it returns.
func (c *chunk) each(data []byte, fn func(start int64, row []int16)) error {
	var readers [maxColumns]reader
	cols := readers[:c.columns]
	for i := range cols {
		n, used := binary.Uvarint(data)
		if used <= 0 || n > uint64(len(data)-used) {
			return fmt.Errorf("column %d has no end: %w", i, errdefs.ErrDataLoss)
		}
		cols[i].in, data = data[used:used+int(n)], data[used+int(n):]
	}
	var row [maxColumns]int16
	for n := range c.rows {
		for i := range cols {
			row[i] = cols[i].value()
			if cols[i].end != nil {
				return cols[i].end
			}
			if row[i] < missing || row[i] > highest {
				return fmt.Errorf("column %d has a value of %d: %w", i, row[i], errdefs.ErrDataLoss)
			}
		}
		fn(c.start+int64(n)*c.step, row[:c.columns])
	}
	return nil
}

// check tells whether a chunk that was read can be one, of a time that has nanoseconds.
func (c *chunk) check() error {
	const far = 1 << 33
	if c.start < 0 || c.start > far || c.step < 1 || c.step > far/maxRows || c.rows < 1 || c.rows > maxRows ||
		c.columns < 1 || c.columns > maxColumns {
		return fmt.Errorf("a chunk of %d rows of %d columns at %d, each %d s: %w", c.rows, c.columns, c.start, c.step,
			errdefs.ErrDataLoss)
	}
	return nil
}
