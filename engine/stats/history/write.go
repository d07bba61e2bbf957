package history

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// Flush makes rows that are complete durable, as is done every forty seconds: by a record of the journal, or by pages
// and a new journal.
func (s *Store) Flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	s.sweep()
	s.mu.Unlock()
	var err error
	if s.journal.file != nil && !s.broken && s.written < flushes && s.journal.size < maxJournal {
		if data := s.rows(); len(data) > 0 {
			s.written++
			if err = s.journal.append(data); err != nil {
				s.broken = true
			}
		}
	} else if err = s.checkpoint(); err == nil {
		s.written, s.broken = 0, false
	} else {
		s.broken = true
	}
	if err != nil {
		s.o.Log.Warn("the history cannot be written", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = s.journal.size + int64(s.pages.count)*pageSize
	return err
}

// rows takes the rows that are not in the journal yet, as a record of it.
func (s *Store) rows() (data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, se := range s.sorted() {
		for _, w := range se.pending {
			data = binary.AppendVarint(s.mention(data, se), w.start)
			data = binary.AppendUvarint(data, uint64(w.rows))
			data = binary.AppendUvarint(data, uint64(w.columns))
			body := w.bytes()
			data = binary.AppendUvarint(data, uint64(len(body)))
			data = append(data, body...)
		}
		if se.gone != se.told {
			data = binary.AppendVarint(s.mention(data, se), se.gone)
			data = binary.AppendUvarint(data, 0)
		}
		se.pending, se.told = nil, se.gone
	}
	return data
}

// mention begins a part of a record with the number of a series, and its name where it is new.
func (s *Store) mention(data []byte, se *series) []byte {
	name := ""
	if !se.named {
		se.number, se.named, name = s.numbers, true, se.name
		s.numbers++
	}
	return appendName(binary.AppendUvarint(data, uint64(se.number)), name)
}

// sorted lists the series by name.
func (s *Store) sorted() []*series {
	all := make([]*series, 0, len(s.series))
	for _, se := range s.series {
		all = append(all, se)
	}
	slices.SortFunc(all, func(a, b *series) int { return cmp.Compare(a.name, b.name) })
	return all
}

// checkpoint writes the chunks that are not on the disk, each to a page that the directory on disk does not have, and
// then a journal with the new directory. After an error all is as it was, but for those pages.
func (s *Store) checkpoint() error {
	s.mu.Lock()
	all := s.sorted()
	s.mu.Unlock()
	directory := binary.AppendUvarint(nil, version)
	var kept []*series
	for _, se := range all {
		entry, err := s.settle(se, len(kept))
		if err != nil {
			return err
		}
		if entry != nil {
			directory, kept = append(directory, entry...), append(kept, se)
		}
	}
	if err := s.pages.disk.Sync(s.pages.file); err != nil {
		return err
	}
	may, err := s.journal.replace(directory)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !may {
		return err
	}
	for _, se := range kept {
		for i := range se.tiers {
			se.tiers[i].commit(s.pages, err == nil)
		}
	}
	if err != nil {
		return err
	}
	s.numbers = len(kept)
	return s.pages.committed()
}

// settle writes the chunks of a series, and returns its place in the directory; nil: it was dropped meanwhile.
func (s *Store) settle(se *series, number int) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.series[se.name] != se {
		return nil, nil
	}
	for i := range se.tiers {
		t := &se.tiers[i]
		if t.pages == 0 {
			continue
		}
		t.thin(se.last/nanos, se.max, func(c *chunk) ([]byte, error) { return s.read(se, i, c) }, s.pages.drop)
		for _, c := range t.all() {
			if err := s.place(c, t.bytes(c), owner(se.name, i)); err != nil {
				return nil, err
			}
		}
	}
	se.pending, se.number, se.named, se.told = nil, number, true, se.gone
	return appendSeries(nil, se), nil
}

// place writes a chunk to a page of its own. One that is on the disk stays where it is.
func (s *Store) place(c *chunk, data []byte, owner uint64) error {
	if data == nil {
		c.next = c.page
		return nil
	}
	if c.next == none || c.next == c.page {
		c.next = s.pages.take()
	}
	c.placed = c.rows
	return s.pages.write(c.next, c, data, owner)
}

// commit takes the pages of a new directory for those that there are. If that is not sure, the pages of both stay.
func (t *tier) commit(p *pages, sure bool) {
	for _, c := range t.all() {
		old := c.page
		if c.next == none || c.next == c.page {
			c.next = none
			continue
		}
		if sure {
			c.page = c.next
			if c.placed == c.rows {
				c.data = nil
			}
		} else {
			old = c.next
		}
		if c.next = none; old != none {
			p.dying = append(p.dying, old)
		}
	}
}

// sweep drops what is gone for long, and the oldest of those that are too many. What was not measured for an hour
// takes no memory.
func (s *Store) sweep() {
	var gone []*series
	for _, se := range s.series {
		if s.newest-se.last > int64(time.Hour) {
			se.sleep()
		}
		if se.gone != 0 {
			gone = append(gone, se)
		}
	}
	slices.SortFunc(gone, func(a, b *series) int { return cmp.Compare(b.gone, a.gone) })
	for n, se := range gone {
		if age := time.Duration(s.newest/nanos-se.gone) * time.Second; n >= s.o.KeepMax || age > s.o.Keep {
			s.forget(se.name)
		}
	}
}
