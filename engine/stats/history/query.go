package history

import (
	"math"
	"time"

	"box/engine/stats/sample"
)

// maxPoints is how many moments a query gives at most.
const maxPoints = 10_000

// Query returns the past of a series between two moments, at most points of it and in one step: no shorter than what
// the span was measured in. Where rows are wider than the step, each moment in them has their value. A series that
// is not known has no moments.
func (s *Store) Query(series string, from, to time.Time, points int) sample.History {
	h := sample.History{Series: series, At: from}
	for _, c := range columns(series) {
		h.Columns = append(h.Columns, c.Name)
	}
	h.Values = make([][]*float64, len(h.Columns))
	if s == nil {
		return h
	}
	points = min(max(points, 1), maxPoints)
	begin, end := unixNano(from), unixNano(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	se := s.series[series]
	if se == nil || begin >= end {
		return h
	}
	g := newGrid(begin, end, points, se.finest(begin, end))
	layers := []*layer{}
	for i := range se.tiers {
		l := newLayer(g, se.max)
		s.fill(se, i, l)
		layers = append(layers, l)
	}
	h.At, h.Step = time.Unix(g.at, 0).UTC(), float64(g.step)
	for i := range h.Columns {
		h.Values[i] = make([]*float64, g.n)
		for n := range g.n {
			h.Values[i][n] = choose(layers, i, n)
		}
	}
	return h
}

// unixNano is a moment in the range of those that are kept.
func unixNano(t time.Time) int64 {
	const far = math.MaxInt64 / 4 / nanos
	if s := t.Unix(); s < 0 || s > far {
		return min(max(s, 0), far) * nanos
	}
	return t.UnixNano()
}

// finest is the narrowest step of the rows between two moments; seconds count where they are half of that.
func (s *series) finest(from, to int64) int64 {
	best := int64(0)
	for i := range s.tiers {
		for _, c := range s.tiers[i].all() {
			if i == seconds && c.start*nanos > from+(to-from)/2 {
				continue
			}
			if c.start*nanos < to && c.end()*nanos > from && (best == 0 || c.step < best) {
				best = c.step
			}
		}
	}
	if best == 0 {
		return kinds[tens].step
	}
	return best
}

// grid is the moments of a query: multiples of the step, so that those of the next query are the same.
type grid struct {
	at, step int64 // seconds
	n        int
}

func newGrid(from, to int64, points int, finest int64) grid {
	from, to = from/nanos, (to+nanos-1)/nanos
	for _, parts := range []int64{int64(points), int64(points) - 1} { // one more where the ends are within a step
		if parts > 0 {
			step := -floor(-max((to-from+parts-1)/parts, 1), finest)
			at := floor(from, step)
			if n := (to - at + step - 1) / step; n <= int64(points) {
				return grid{at: at, step: step, n: int(n)}
			}
		}
	}
	return grid{at: from, step: to - from, n: 1}
}

func (g grid) end() int64 { return g.at + int64(g.n)*g.step }

// layer is what one tier says on the moments of a grid.
type layer struct {
	grid
	max    []bool
	sum    [][]float64
	weight [][]float64 // nanoseconds
}

func newLayer(g grid, max []bool) *layer {
	l := &layer{grid: g, max: max}
	for range max {
		l.sum, l.weight = append(l.sum, make([]float64, g.n)), append(l.weight, make([]float64, g.n))
	}
	return l
}

// add counts what was measured between two moments.
func (l *layer) add(from, to int64, row []int16) {
	begin, width := l.at*nanos, l.step*nanos
	from, to = max(from, begin), min(to, l.end()*nanos)
	for from < to {
		n := (from - begin) / width
		end := min(to, begin+(n+1)*width)
		for i, q := range row[:min(len(row), len(l.max))] {
			if q != missing {
				l.count(i, int(n), float64(end-from), value(q))
			}
		}
		from = end
	}
}

func (l *layer) count(i, n int, weight, v float64) {
	switch {
	case !l.max[i]:
		l.sum[i][n] += v * weight
	case l.weight[i][n] == 0 || v > l.sum[i][n]:
		l.sum[i][n] = v
	}
	l.weight[i][n] += weight
}

// fill counts all of a tier, with what is not a row yet.
func (s *Store) fill(se *series, tier int, l *layer) {
	t := &se.tiers[tier]
	for _, c := range t.all() {
		if c.start >= l.end() || c.end() <= l.at {
			continue
		}
		data := t.bytes(c)
		if data == nil {
			var err error
			if data, err = s.read(se, tier, c); err != nil {
				continue
			}
		}
		_ = c.each(data, func(start int64, row []int16) { l.add(start*nanos, (start+c.step)*nanos, row) })
	}
	if m := se.means[tier]; m != nil && m.begun {
		row := make([]int16, len(m.sum))
		for i := range row {
			row[i] = quantize(m.value(i))
		}
		l.add(m.row*nanos, min(se.last, (m.row+m.step)*nanos), row)
	}
}

// choose takes the finest of what the tiers say, unless another knows twice as much of the moment.
func choose(layers []*layer, i, n int) *float64 {
	var best *layer
	for _, l := range layers {
		if w := l.weight[i][n]; w > 0 && (best == nil || w > 2*best.weight[i][n]) {
			best = l
		}
	}
	if best == nil {
		return nil
	}
	v := best.sum[i][n]
	if !best.max[i] {
		v /= best.weight[i][n]
	}
	return &v
}
