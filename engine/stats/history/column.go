package history

import (
	"fmt"

	"github.com/containerd/errdefs"
)

// A column is written as differences, by the adaptive run-length and Golomb-Rice code of H. S. Malvar (Data Compression
// Conference, 2006): what does not change costs a bit for thousands of rows, noise about as many bits as it has.
// k is for runs, r for the other numbers; both follow what was written, in sixteenths.
type code struct{ k, r int }

const (
	scale    = 4
	maxRun   = 12 << scale
	maxRice  = 14 << scale
	maxUnary = 24 // ones, after which the number comes as it is
)

// zero, other and rice follow a number.
func (c *code) zero()  { c.k = min(c.k+4, maxRun) }
func (c *code) other() { c.k = max(c.k-6, 0) }
func (c *code) rice(p int) {
	switch {
	case p == 0:
		c.r = max(c.r-2, 0)
	case p > 1:
		c.r = min(c.r+p, maxRice)
	}
}

// column is one that is being written.
type column struct {
	code
	out  []byte
	used uint8 // bits of the last byte
	last int16
	run  int // zeros that are not written yet
}

func (c *column) add(v int16) {
	d := int32(v) - int32(c.last)
	c.last = v
	u := uint32(d<<1) ^ uint32(d>>31)
	switch k := c.k >> scale; {
	case k == 0:
		c.number(u)
		if u == 0 {
			c.zero()
		} else {
			c.other()
		}
	case u != 0:
		c.put(1, 1)
		c.put(uint32(c.run), k)
		c.run = 0
		c.number(u - 1)
		c.other()
	default:
		if c.run++; c.run == 1<<k {
			c.put(0, 1)
			c.run = 0
			c.zero()
		}
	}
}

func (c *column) number(u uint32) {
	r := c.r >> scale
	p := int(u >> r)
	if p >= maxUnary {
		c.put(1<<maxUnary-1, maxUnary)
		c.put(u, 16)
	} else {
		c.put(1<<p-1, p)
		c.put(0, 1)
		c.put(u&(1<<r-1), r)
	}
	c.rice(min(p, maxUnary))
}

// put writes the lowest n bits of v.
func (c *column) put(v uint32, n int) {
	for n > 0 {
		if c.used == 0 || c.used == 8 {
			c.out, c.used = append(c.out, 0), 0
		}
		take := min(n, 8-int(c.used))
		part := byte(v>>(n-take)) & (1<<take - 1)
		c.out[len(c.out)-1] |= part << (8 - int(c.used) - take)
		c.used += uint8(take)
		n -= take
	}
}

// bytes appends what was written, as if it ended here.
func (c *column) bytes(to []byte) []byte {
	to = append(to, c.out...)
	if c.run > 0 && (c.used == 0 || c.used == 8) { // a whole run, which is a zero bit
		to = append(to, 0)
	}
	return to
}

func (c *column) size() int { return len(c.out) + 1 }

// reader reads a column.
type reader struct {
	code
	in    []byte
	at    int // bit
	last  int16
	zeros int
	next  uint32 // comes after the zeros; 0: nothing
	end   error
}

func (r *reader) value() int16 {
	var u uint32
	switch {
	case r.zeros > 0:
		r.zeros--
		return r.last
	case r.next != 0:
		u, r.next = r.next, 0
	case r.k>>scale == 0:
		if u = r.number(); u == 0 {
			r.zero()
		} else {
			r.other()
		}
	default:
		k := r.k >> scale
		if r.take(1) == 0 {
			r.zeros = 1<<k - 1
			r.zero()
			return r.last
		}
		r.zeros = int(r.take(k))
		r.next = r.number() + 1
		r.other()
		return r.value()
	}
	r.last += int16(int32(u>>1) ^ -int32(u&1))
	return r.last
}

func (r *reader) number() uint32 {
	p := 0
	for p < maxUnary && r.take(1) == 1 {
		p++
	}
	k := r.r >> scale
	r.rice(p)
	if p == maxUnary {
		return r.take(16)
	}
	return uint32(p)<<k | r.take(k)
}

// take reads n bits. Beyond the end there are zeros, and an error.
func (r *reader) take(n int) (v uint32) {
	for n > 0 {
		if r.at>>3 >= len(r.in) {
			r.end = fmt.Errorf("a column ends too early: %w", errdefs.ErrDataLoss)
			return 0
		}
		free := 8 - r.at&7
		got := min(n, free)
		part := r.in[r.at>>3] >> (free - got) & (1<<got - 1)
		v = v<<got | uint32(part)
		r.at += got
		n -= got
	}
	return v
}
