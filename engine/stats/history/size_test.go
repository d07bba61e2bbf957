package history

import (
	"fmt"
	"math"
	"math/rand"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"box/engine/stats/sample"
	"box/fs/disk"
)

// quiet makes rows as those of a container that waits: a little of the processor now and then, memory that breathes.
func quiet(r *rand.Rand) []float64 {
	v := make([]float64, len(sample.ContainerColumns))
	v[0] = 0.0003 * (1 + r.Float64()/4)
	if r.Intn(6) == 0 {
		v[0] = 0.004
	}
	memory := 30e6 * (1 + r.Float64()/200)
	v[1], v[3], v[4], v[9], v[10] = v[0], memory, memory, 3, 123456
	if r.Intn(3) == 0 {
		v[5], v[6] = 60, 42
	}
	return v
}

// busy makes rows as those of one that never does the same twice.
func busy(r *rand.Rand) []float64 {
	v := make([]float64, len(sample.ContainerColumns))
	for i := range v {
		v[i] = 1000 * math.Exp(r.NormFloat64())
	}
	return v
}

func BenchmarkAppend(b *testing.B) {
	r := rand.New(rand.NewSource(1))
	s := openTest(b, b.TempDir(), Options{})
	at := day
	for b.Loop() {
		at = at.Add(10 * time.Second)
		s.Append("c", at, busy(r))
	}
}

// counter counts what goes to the disk, in whole pages.
type counter struct{ bytes atomic.Int64 }

func (c *counter) around(op *disk.Op, do func() error) error {
	if op.Kind == disk.Write {
		from, to := op.Off/pageSize, (op.Off+int64(len(op.Data))+pageSize-1)/pageSize
		c.bytes.Add((to - from) * pageSize)
	}
	return do()
}

// TestQuietHour: in an hour in which nobody looks, the past of 50 containers and of the host writes at most 2 MB.
func TestQuietHour(t *testing.T) {
	c := &counter{}
	s := openTest(t, t.TempDir(), Options{Disk: &disk.Disk{Around: c.around}})
	r := rand.New(rand.NewSource(1))
	hour := func(at time.Time) int64 {
		before := c.bytes.Load()
		for range 360 {
			at = at.Add(10 * time.Second)
			add(s, "host", at, make([]float64, len(sample.HostColumns)))
			for n := range 50 {
				add(s, fmt.Sprint(n), at, quiet(r))
			}
		}
		return c.bytes.Load() - before
	}
	for n := range 5 {
		got := hour(day.Add(time.Duration(n) * time.Hour))
		t.Logf("hour %d: %d bytes, %d on disk", n, got, s.Size())
		if got > 2_000_000 {
			t.Errorf("hour %d writes %d bytes", n, got)
		}
	}
}

// home is a folder in memory where that can be: nothing here is about the disk.
func home(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "box-history")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestYear: over a year the past takes no more than its pages, and all of the year is there, the nearer the finer.
// There are a few containers, or 50 if BOX_YEAR is set, which takes minutes.
func TestYear(t *testing.T) {
	containers := 2
	if os.Getenv("BOX_YEAR") != "" {
		containers = 50
	}
	s := openTest(t, home(t), Options{})
	r := rand.New(rand.NewSource(1))
	end := day.Add(366 * 24 * time.Hour)
	early, most := int64(0), int64(0)
	for at := day; at.Before(end); at = at.Add(5 * time.Minute) { // each stands for ten seconds
		for n := range containers {
			shape := quiet
			if n%2 == 1 {
				shape = busy
			}
			s.Append(fmt.Sprint(n), at, shape(r))
		}
		if at.Minute() != 0 {
			continue
		}
		s.broken = true // so that there are pages
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		if most = max(most, s.Size()); at.Sub(day) < 60*24*time.Hour {
			early = most
		}
	}
	// Beside the 22 pages of each there are those that are written anew, for a moment.
	if limit := int64(containers) * 27 * pageSize; most > limit || most > early*11/10 {
		t.Errorf("it takes %d bytes, at most %d are promised; after two months it was %d", most, limit, early)
	}
	t.Logf("%d containers take %d bytes", containers, most)
	for n := range containers {
		checkYear(t, s, fmt.Sprint(n), end)
	}
}

func checkYear(t *testing.T, s *Store, name string, end time.Time) {
	for _, span := range []time.Duration{366 * 24 * time.Hour, 30 * 24 * time.Hour, 24 * time.Hour, time.Hour} {
		points := 300
		h := s.Query(name, end.Add(-span), end, points)
		for n := range h.Values[3] {
			at := h.At.Add(time.Duration(float64(n)*h.Step) * time.Second)
			if h.Values[3][n] == nil && at.Before(end.Add(-10*time.Minute)) && h.Step > 300 {
				t.Errorf("%s: of %s nothing is known", name, at)
			}
		}
	}
	for _, c := range s.series[name].tiers[minutes].all() {
		if age := end.Unix() - c.start; c.step > 300 && c.step > age/100 {
			t.Errorf("%s: rows of %d s are %d s old", name, c.step, age)
		}
	}
}

// TestMemory: the past of 50 busy containers takes less than a megabyte of memory.
func TestMemory(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what a pool held is free after the second one
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	r := rand.New(rand.NewSource(1))
	before := heap()
	s := openTest(t, home(t), Options{})
	for n := range 360 * 5 {
		for c := range 50 {
			add(s, fmt.Sprint(c), day.Add(time.Duration(n)*10*time.Second), busy(r))
		}
	}
	s.writing.Lock() // what a write needs for its time is not the past's
	got := heap() - before
	s.writing.Unlock()
	t.Logf("%d bytes", got)
	if got > 1<<20 {
		t.Errorf("it takes %d bytes", got)
	}
	runtime.KeepAlive(s)
}
