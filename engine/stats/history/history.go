package history

import (
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"box/fs/disk"
)

// Options configure a store. The zero value of a field means the default in its comment.
type Options struct {
	Disk    *disk.Disk    // where changes go: the kernel
	Log     *slog.Logger  // slog.Default
	Keep    time.Duration // how long the past of a container that is gone is kept: a week
	KeepMax int           // how many of those are kept: 50
}

// How often the store writes, by the time of what is appended, and when there is a new journal. What comes each ten
// seconds is written each forty; with the row that is not complete yet a power cut takes less than a minute.
const (
	flushEvery = 35 * time.Second
	flushes    = 180
	maxJournal = 4 << 20
)

// noClock is before any time that a clock which was set can have: that of a board without a battery begins in 1970.
const noClock = 1767225600 * nanos // 2026

// Store is an open history. It may be used by several goroutines. A nil one keeps nothing.
type Store struct {
	o    Options
	dir  string
	wake chan struct{} // there is something to write
	stop chan struct{}
	work sync.WaitGroup

	writing sync.Mutex // one write to the disk at a time; taken before mu
	journal *journal
	written int  // records since the last directory
	broken  bool // the journal lacks something: a new one is needed

	mu      sync.Mutex // guards what follows
	pages   *pages
	series  map[string]*series
	numbers int
	flushed int64 // when the last write was asked for
	newest  int64 // newest moment of all series
	shift   int64 // that is added to a clock that was not set
	closed  bool
	size    int64
}

// Open opens the history in a folder, which it makes. What is damaged is set aside under other names, and told to the
// log; the error is of a disk that does not work.
func Open(dir string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Keep == 0 {
		o.Keep = 7 * 24 * time.Hour
	}
	if o.KeepMax == 0 {
		o.KeepMax = 50
	}
	s := &Store{o: o, dir: dir, wake: make(chan struct{}, 1), stop: make(chan struct{}), series: map[string]*series{}}
	if err := o.Disk.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	s.work.Go(s.run)
	return s, nil
}

// run writes in the background.
func (s *Store) run() {
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
			_ = s.Flush() // the log has why not
		}
	}
}

// Append takes what was measured at a moment; NaN is what was not. The columns are sample.HostColumns for the series
// "host", and sample.ContainerColumns for others, which are the IDs of containers. A value stands for the time since
// the measurement before. It does not wait for the disk, but for what is read of it when a series is first used.
func (s *Store) Append(series string, at time.Time, values []float64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	se := s.find(series)
	if s.closed || se == nil || len(values) != len(se.max) {
		return
	}
	now := s.clock(at.UnixNano(), se)
	se.wake(s.read)
	se.gone = 0
	se.add(now, values)
	s.newest = max(s.newest, now)
	if s.flushed == 0 {
		s.flushed = now
	}
	if d := time.Duration(now - s.flushed); d >= flushEvery || d <= -flushEvery {
		s.flushed = now
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// find returns a series, new if need be; nil: its name is none.
func (s *Store) find(name string) *series {
	se := s.series[name]
	if se == nil && name != "" && len(name) <= maxName {
		se = newSeries(strings.Clone(name))
		s.series[name] = se
	}
	return se
}

// backwards is how far a clock may go back without a second account of the time that comes again.
const backwards = 15 * nanos

// clock is the moment that a measurement is taken for. One by a clock that was not set follows on the newest there is;
// when a clock that is set goes back, there are two accounts of a time.
func (s *Store) clock(at int64, se *series) int64 {
	at = min(max(at, 0), math.MaxInt64/4)
	if at >= noClock {
		s.shift = 0
	} else if at+s.shift < s.newest-backwards {
		s.shift = s.newest - at + kinds[tens].step*nanos
	}
	at += s.shift
	if at < se.last-backwards {
		se.jump(at - kinds[tens].step*nanos)
		s.newest = at
	}
	return at
}

// Gone says since when a container is not there any more. Its past is kept for a while.
func (s *Store) Gone(series string, at time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if se := s.series[series]; se != nil && se.gone == 0 {
		se.sleep()
		se.gone = max(at.Unix(), 1)
	}
}

// Forget drops a series.
func (s *Store) Forget(series string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(series)
}

func (s *Store) forget(name string) {
	se := s.series[name]
	if se == nil {
		return
	}
	for i := range se.tiers {
		t := &se.tiers[i]
		t.close()
		for n := range t.chunks {
			s.pages.drop(&t.chunks[n])
		}
	}
	delete(s.series, name)
}

// Series lists what there is, with those that are gone.
func (s *Store) Series() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, 0, len(s.series))
	for name := range s.series {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Size is how many bytes the history takes on disk.
func (s *Store) Size() int64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// Close writes what is not written yet.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for _, se := range s.series {
		se.flush()
	}
	s.mu.Unlock()
	close(s.stop)
	s.work.Wait()
	err := s.Flush()
	s.journal.close()
	if errC := s.pages.file.Close(); err == nil {
		err = errC
	}
	return err
}

func (s *Store) file(name string) string { return filepath.Join(s.dir, name) }

// read gives what a chunk is.
func (s *Store) read(se *series, tier int, c *chunk) ([]byte, error) {
	if c.data != nil {
		return c.data, nil
	}
	data, err := s.pages.read(c, owner(se.name, tier))
	if err != nil {
		s.o.Log.Warn("a part of the history is lost", "series", se.name, "from", time.Unix(c.start, 0), "error", err)
	}
	return data, err
}
