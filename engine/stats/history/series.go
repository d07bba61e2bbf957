package history

import (
	"time"

	"box/engine/stats/sample"
)

const nanos = int64(time.Second)

// series is the past of the host, or of a container.
type series struct {
	name    string
	number  int   // in the journal
	named   bool  // the journal knows its number
	gone    int64 // when the container went, in Unix time; 0: it is there
	told    int64 // what the journal has of that
	last    int64 // newest moment, in nanoseconds
	max     []bool
	tiers   [tiers]tier
	means   [tiers]*mean
	pending []*writer // rows that are not in the journal yet
}

func newSeries(name string) *series {
	s := &series{name: name}
	for _, c := range columns(name) {
		s.max = append(s.max, c.Max)
	}
	for i, k := range kinds {
		s.tiers[i] = tier{step: k.step, span: k.span, pages: k.pages}
	}
	return s
}

// columns of a series.
func columns(name string) []sample.Column {
	if name == "host" {
		return sample.HostColumns
	}
	return sample.ContainerColumns
}

// What time does a value stand for? That since the measurement before, if that is not longer ago than missed allows;
// then it stands for a row. Seconds are kept when measurements come quicker than quick.
const (
	quick  = 3 * nanos
	missed = 25 * nanos
)

// add takes a measurement.
func (s *series) add(at int64, values []float64) {
	since := at - s.last
	if since <= 0 {
		return // the clock went back a little: the next one stands for it
	}
	if since > missed {
		since = kinds[tens].step * nanos
	}
	s.last = at
	if since <= quick {
		s.means[seconds].add(at-since, at, values, s.tiers[seconds].add)
	} else {
		s.tiers[seconds].forget(at/nanos - kinds[seconds].span)
		if s.tiers[seconds].end() < at/nanos-kinds[seconds].span {
			s.tiers[seconds].open = nil
		}
	}
	s.means[tens].add(at-since, at, values, func(start int64, row []int16) {
		s.note(start, row)
		s.row(start, row)
	})
}

// row takes a row of ten seconds, of now or of the journal.
func (s *series) row(start int64, row []int16) {
	s.tiers[tens].add(start, row)
	values := make([]float64, len(row))
	decode(values, row)
	s.last = max(s.last, (start+kinds[tens].step)*nanos)
	if len(row) == len(s.max) {
		s.means[minutes].add(start*nanos, (start+kinds[tens].step)*nanos, values, s.tiers[minutes].add)
	}
}

// wake makes what is needed to take measurements: the newest chunks are opened, and the row of minutes that is not
// complete is made again of its parts.
func (s *series) wake(read func(s *series, tier int, c *chunk) ([]byte, error)) {
	if s.means[0] != nil {
		return
	}
	for i, k := range kinds {
		s.means[i] = newMean(k.step, s.max)
		s.reopen(i, read)
	}
	newest := s.tiers[tens].open
	if newest == nil {
		return
	}
	from := max(floor(newest.end(), kinds[minutes].step), s.tiers[minutes].end())
	values := make([]float64, newest.columns)
	_ = newest.each(newest.bytes(), func(start int64, row []int16) {
		if start >= from && len(row) == len(s.max) {
			decode(values, row)
			s.means[minutes].add(start*nanos, (start+newest.step)*nanos, values, s.tiers[minutes].add)
		}
	})
}

// reopen goes on with the newest chunk of a tier, where it has room and rows of the right kind.
func (s *series) reopen(tier int, read func(s *series, tier int, c *chunk) ([]byte, error)) {
	t := &s.tiers[tier]
	n := len(t.chunks) - 1
	if t.open != nil || n < 0 || t.chunks[n].step != t.step || t.chunks[n].columns != len(s.max) {
		return
	}
	c := &t.chunks[n]
	data, err := read(s, tier, c)
	if err != nil {
		return // it is left out of what is shown, and goes with its time
	}
	w := newWriter(c.start, c.step, c.columns, payload)
	whole := true
	err = c.each(data, func(start int64, row []int16) { whole = whole && w.add(start, row) })
	if err != nil || !whole {
		return
	}
	w.page, w.next = c.page, c.next
	t.open, t.chunks = w, t.chunks[:n]
}

// maxPending is for how many rows a disk may fail before they are left out of the journal.
const maxPending = 360

// note keeps a row for the journal.
func (s *series) note(start int64, row []int16) {
	n := len(s.pending)
	if n > 0 && s.pending[n-1].rows < maxPending && s.pending[n-1].add(start, row) {
		return
	}
	if n > 8 {
		s.pending = s.pending[1:]
	}
	w := newWriter(start, kinds[tens].step, len(row), payload)
	w.add(start, row)
	s.pending = append(s.pending, w)
}

// jump begins new chunks, because the clock went back to a moment.
func (s *series) jump(to int64) {
	s.flush()
	for i := range s.tiers {
		s.tiers[i].close()
	}
	s.last = to
}

// sleep gives back the memory of a series that is not measured any more.
func (s *series) sleep() {
	s.flush()
	for i := range s.tiers {
		s.tiers[i].close()
		s.means[i] = nil
	}
	s.tiers[seconds].chunks = nil
}

// flush makes rows of what was measured last, though their time is not over.
func (s *series) flush() {
	if s.means[0] == nil {
		return
	}
	s.means[seconds].flush(s.tiers[seconds].add)
	s.means[tens].flush(func(start int64, row []int16) {
		s.note(start, row)
		s.row(start, row)
	})
	s.means[minutes].flush(s.tiers[minutes].add)
}
