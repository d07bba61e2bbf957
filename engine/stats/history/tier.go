package history

// tier is the past of a series at one width of rows. Rows get wider towards the past when there is no room.
type tier struct {
	step   int64 // seconds
	span   int64 // seconds that are to be covered
	pages  int   // it may take; 0: it is in memory alone
	chunks []chunk
	open   *writer // the newest, which grows; nil: none
}

// kind says what a tier is.
type kind struct {
	step, span int64
	pages      int
}

// The tiers. On disk are 22 pages of a series.
const (
	seconds = iota
	tens
	minutes
	tiers
)

var kinds = [tiers]kind{{1, 600, 0}, {10, 86400, 8}, {300, 366 * 86400, 14}}

// memoryRows is how long a chunk in memory is: a tenth of the span at most is kept too long.
const memoryRows = 60

// add appends a row, into a new chunk when the open one has no room for it.
func (t *tier) add(start int64, row []int16) {
	if t.open != nil && (t.pages == 0 && t.open.rows >= memoryRows || !t.open.add(start, row)) {
		if start+t.step == t.open.end() {
			return // the second part of a row that was cut by a restart
		}
		t.close()
	}
	if t.open == nil {
		t.open = newWriter(start, t.step, len(row), payload)
		t.open.add(start, row)
	}
	if t.pages == 0 {
		t.forget(start - t.span)
	}
}

// close ends the open chunk.
func (t *tier) close() {
	if t.open == nil {
		return
	}
	c := t.open.chunk
	c.data = t.open.bytes()
	t.chunks = append(t.chunks, c)
	t.open = nil
}

// forget drops chunks in memory that ended before a moment.
func (t *tier) forget(before int64) {
	for len(t.chunks) > 0 && t.chunks[0].end() < before {
		t.chunks = t.chunks[1:]
	}
	if len(t.chunks) == 0 {
		t.chunks = nil
	}
}

// all lists the chunks, with the open one.
func (t *tier) all() []*chunk {
	all := make([]*chunk, 0, len(t.chunks)+1)
	for i := range t.chunks {
		all = append(all, &t.chunks[i])
	}
	if t.open != nil {
		all = append(all, &t.open.chunk)
	}
	return all
}

// bytes is what a chunk of the tier is in memory; nil: it is on its page.
func (t *tier) bytes(c *chunk) []byte {
	if t.open != nil && c == &t.open.chunk {
		return t.open.bytes()
	}
	return c.data
}

// end is the end of the newest row, or 0.
func (t *tier) end() int64 {
	switch n := len(t.chunks); {
	case t.open != nil:
		return t.open.end()
	case n > 0:
		return t.chunks[n-1].end()
	}
	return 0
}
