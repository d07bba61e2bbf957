package history

// thin makes the tier fit its pages: chunks of before its span go, and then neighbours become one. now is the time of
// the newest row; read gives what a chunk is, and drop lets go of its page.
func (t *tier) thin(now int64, max []bool, read func(*chunk) ([]byte, error), drop func(*chunk)) {
	room := t.pages
	if t.open != nil {
		room--
	}
	for len(t.chunks) > room {
		i, whole := t.cheapest(now)
		if !whole {
			if c, ok := t.merge(i, max, read); ok {
				drop(&t.chunks[i])
				drop(&t.chunks[i+1])
				t.chunks[i] = c
				t.remove(i + 1)
				continue
			}
		}
		drop(&t.chunks[i])
		t.remove(i)
	}
}

func (t *tier) remove(i int) {
	t.chunks = append(t.chunks[:i:i], t.chunks[i+1:]...)
}

// cheapest chooses the chunk that is missed least: one that is out of the span, which a clock that was wrong may have
// put into the future; else it and the next are to become one: those whose rows are finest for their age.
func (t *tier) cheapest(now int64) (i int, whole bool) {
	best, least := 0, 0.0
	found := false
	for i := range t.chunks {
		c := &t.chunks[i]
		if c.end() < now-t.span || c.start > now+t.span {
			return i, true
		}
		if i+1 == len(t.chunks) || !joins(c, &t.chunks[i+1]) {
			continue
		}
		next := &t.chunks[i+1]
		cost := float64(max(c.step, next.step)) / float64(max(now-next.end(), 0)+t.step)
		if !found || cost < least {
			best, least, found = i, cost, true
		}
	}
	return best, !found
}

// joins tells whether b follows on a: where their rows have become wide, the first of b may begin in the last of a.
func joins(a, b *chunk) bool {
	return a.start < b.start && a.end() <= b.start+max(a.step, b.step) && a.columns == b.columns
}

// merge makes one chunk of number i and the next, of rows no wider than needed for a page. It is not possible if one
// of them cannot be read.
func (t *tier) merge(i int, max []bool, read func(*chunk) ([]byte, error)) (chunk, bool) {
	a, b := &t.chunks[i], &t.chunks[i+1]
	first, errA := read(a)
	second, errB := read(b)
	if errA != nil || errB != nil {
		return chunk{}, false
	}
	step := a.step
	if b.step > step {
		step = b.step
	}
	for ; step <= 4*t.span; step *= 2 {
		w := widen(a, b, first, second, step, max)
		if w != nil {
			c := w.chunk
			c.data = w.bytes()
			return c, true
		}
	}
	return chunk{}, false
}

// widen writes the rows of two chunks as rows of another step; nil: they have no room.
func widen(a, b *chunk, first, second []byte, step int64, max []bool) *writer {
	var w *writer
	fits := true
	emit := func(start int64, row []int16) {
		if w == nil {
			w = newWriter(start, step, a.columns, payload)
		}
		fits = fits && w.add(start, row)
	}
	m := newMean(step, columnsOf(max, a.columns))
	values := make([]float64, a.columns)
	for _, part := range []struct {
		c    *chunk
		data []byte
		end  int64
	}{{a, first, b.start}, {b, second, b.end()}} {
		err := part.c.each(part.data, func(start int64, row []int16) {
			if fits {
				decode(values, row)
				m.add(start*nanos, min(start+part.c.step, part.end)*nanos, values, emit)
			}
		})
		if err != nil {
			return nil
		}
	}
	m.flush(emit)
	if !fits {
		return nil
	}
	return w
}

// decode makes values of a row.
func decode(values []float64, row []int16) {
	for i, q := range row {
		values[i] = value(q)
	}
}

// columnsOf fits the kinds of columns to a chunk that another box wrote.
func columnsOf(max []bool, n int) []bool {
	if n <= len(max) {
		return max[:n]
	}
	return append(max[:len(max):len(max)], make([]bool, n-len(max))...)
}
