package history

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/containerd/errdefs"
)

// load reads the directory and the rows that follow it. Files that cannot be a history are set aside.
func (s *Store) load() error {
	if err := os.Remove(s.file("journal.new")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	j, records, err := openJournal(s.file("journal"), s.o.Disk)
	switch {
	case errdefs.IsNotFound(err):
		err = nil
	case errdefs.IsDataLoss(err):
		err = s.setAside(err)
		j = &journal{disk: s.o.Disk, path: s.file("journal")}
	}
	if err != nil {
		j.close()
		return err
	}
	if s.journal, s.pages, err = j, nil, nil; len(records) > 0 {
		if err := s.take(records); err != nil {
			j.close()
			if !errdefs.IsDataLoss(err) {
				return err
			}
			if err := s.setAside(err); err != nil {
				return err
			}
			s.journal, s.series, s.numbers = &journal{disk: s.o.Disk, path: s.file("journal")}, map[string]*series{}, 0
		}
	}
	if s.pages == nil {
		if s.pages, err = openPages(s.file("pages"), s.o.Disk); err != nil {
			s.journal.close()
			return err
		}
	}
	for _, se := range s.series {
		s.newest = max(s.newest, se.last)
	}
	s.size = s.journal.size + int64(s.pages.count)*pageSize
	return nil
}

// take reads the records of a journal. A record of rows that makes no sense is the end.
func (s *Store) take(records [][]byte) (err error) {
	if s.pages, err = openPages(s.file("pages"), s.o.Disk); err != nil {
		return err
	}
	names, err := s.directory(records[0])
	if err != nil {
		s.pages.file.Close()
		s.pages = nil
		return err
	}
	for _, raw := range records[1:] {
		if names, err = s.replay(raw, names); err != nil {
			s.o.Log.Warn("a part of the history is lost", "error", err)
			s.broken = true
			break
		}
		s.written++
	}
	s.numbers = len(names)
	return nil
}

// directory reads the directory, and returns the names by number. A chunk whose page is not there is left out.
func (s *Store) directory(raw []byte) (names []string, err error) {
	f := &fields{in: raw}
	if v := f.number(); v != version {
		return nil, fmt.Errorf("its version is %d: %w", v, errdefs.ErrDataLoss)
	}
	for f.err == nil && len(f.in) > 0 {
		se := newSeries(string(f.text(maxName)))
		se.named, se.number, se.gone = true, len(names), f.signed()
		for i := range se.tiers {
			t := &se.tiers[i]
			if t.pages == 0 {
				continue
			}
			for n := f.count(maxChunks); n > 0 && f.err == nil; n-- {
				if c := f.chunk(); f.err == nil && s.pages.claim(c.page) {
					t.chunks = append(t.chunks, c)
				}
			}
		}
		se.last = min(se.tiers[tens].end(), math.MaxInt64/4/nanos) * nanos
		if s.series[se.name] != nil || se.name == "" {
			f.fail()
		}
		names = append(names, se.name)
		s.series[se.name] = se
	}
	return names, f.err
}

// replay reads a record of rows.
func (s *Store) replay(raw []byte, names []string) ([]string, error) {
	f := &fields{in: raw}
	for f.err == nil && len(f.in) > 0 {
		n := f.count(len(names))
		name := string(f.text(maxName))
		if n == len(names) {
			if f.err != nil || name == "" {
				f.fail()
				break
			}
			names = append(names, name)
		}
		se := s.find(names[n])
		se.number, se.named = n, true
		start, rows := f.signed(), f.count(maxRows)
		if rows == 0 {
			se.gone, se.told = start, start
			continue
		}
		c := chunk{start: start, step: kinds[tens].step, rows: rows, columns: f.count(maxColumns)}
		data := f.text(maxRecord)
		if f.err == nil {
			f.err = s.again(se, &c, data)
		}
	}
	return names, f.err
}

// again takes rows of the journal.
func (s *Store) again(se *series, c *chunk, data []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	se.gone, se.told = 0, 0
	se.wake(s.read)
	if c.start < se.tiers[tens].end() {
		se.jump(c.start * nanos)
		se.pending = nil
	}
	return c.each(data, se.row)
}

// setAside gives files that cannot be used other names, in the place of what was set aside before.
func (s *Store) setAside(why error) error {
	s.o.Log.Warn("the history is damaged, and begun anew", "set aside in", s.dir, "error", why)
	for _, name := range []string{"journal", "pages"} {
		if err := s.o.Disk.Rename(s.file(name), s.file(name+".damaged")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
