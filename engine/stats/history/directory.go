package history

import (
	"encoding/binary"
	"fmt"

	"github.com/containerd/errdefs"
)

// The directory is a version, and for each series its name, when its container went (0: it is there), and the chunks
// of each tier. Numbers are varints. A series has the number of its place in it; those that come later are given the
// next ones where they are first named.
const version = 1

// maxName is how long the name of a series may be, and maxChunks how many chunks of a tier a directory may have.
const (
	maxName   = 128
	maxChunks = 4096
)

// appendSeries writes a series into a directory.
func appendSeries(to []byte, s *series) []byte {
	to = appendName(to, s.name)
	to = binary.AppendVarint(to, s.gone)
	for i := range s.tiers {
		t := &s.tiers[i]
		if t.pages == 0 {
			continue
		}
		all := t.all()
		to = binary.AppendUvarint(to, uint64(len(all)))
		for _, c := range all {
			to = appendChunk(to, c)
		}
	}
	return to
}

func appendName(to []byte, name string) []byte {
	to = binary.AppendUvarint(to, uint64(len(name)))
	return append(to, name...)
}

func appendChunk(to []byte, c *chunk) []byte {
	to = binary.AppendUvarint(to, uint64(c.next))
	to = binary.AppendVarint(to, c.start)
	to = binary.AppendUvarint(to, uint64(c.step))
	to = binary.AppendUvarint(to, uint64(c.rows))
	return binary.AppendUvarint(to, uint64(c.columns))
}

// fields reads what was written to the disk. After an error everything is zero.
type fields struct {
	in  []byte
	err error
}

func (f *fields) number() uint64 {
	v, n := binary.Uvarint(f.in)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.in = f.in[n:]
	return v
}

func (f *fields) signed() int64 {
	v, n := binary.Varint(f.in)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.in = f.in[n:]
	return v
}

// count reads a number that is at most a limit.
func (f *fields) count(limit int) int {
	v := f.number()
	if v > uint64(limit) {
		f.fail()
		return 0
	}
	return int(v)
}

func (f *fields) text(limit int) []byte {
	n := f.count(limit)
	if n > len(f.in) {
		f.fail()
		return nil
	}
	out := f.in[:n]
	f.in = f.in[n:]
	return out
}

func (f *fields) fail() {
	f.in = nil
	if f.err == nil {
		f.err = fmt.Errorf("it has other content: %w", errdefs.ErrDataLoss)
	}
}

func (f *fields) chunk() chunk {
	c := chunk{page: int32(f.count(1 << 24)), next: none, start: f.signed(), step: int64(f.count(1 << 30)),
		rows: f.count(maxRows), columns: f.count(maxColumns)}
	if f.err == nil {
		f.err = c.check()
	}
	return c
}
