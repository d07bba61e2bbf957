package collect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"box/engine/stats/machine"
	"box/engine/stats/sample"
)

// world is a host with containers whose numbers a test sets.
type world struct {
	dir     string
	mu      sync.Mutex
	targets []Target
	rows    map[string][][]float64
	counts  map[string]int
	failing bool
	told    int // measurements
}

func newWorld(t *testing.T) (*world, *Collector) {
	t.Helper()
	w := &world{dir: t.TempDir(), rows: map[string][][]float64{}, counts: map[string]int{}}
	w.cpu(t, 0)
	return w, New(Options{
		Machine: &machine.Machine{Proc: filepath.Join(w.dir, "proc"), Sys: w.dir, Data: w.dir},
		Targets: func() (list []*Target) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, t := range w.targets {
				list = append(list, &t)
			}
			return list
		},
		Host: func(h *sample.Host) { h.Driver = "vfs" },
		Count: func(_ context.Context, id string) (sample.Disk, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.counts[id]++
			if w.failing {
				return sample.Disk{}, errors.New("it is gone")
			}
			return sample.Disk{Writable: 1000, Inodes: 3}, nil
		},
		Record: func(series string, _ time.Time, row []float64) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.rows[series] = append(w.rows[series], row)
		},
		Measured: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told++
		},
		Now: time.Now,
	})
}

// kept returns the rows of a series.
func (w *world) kept(series string) [][]float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rows[series]
}

// measured returns how many measurements were told.
func (w *world) measured() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told
}

// cpu sets the processor time that the host has used, in hundredths of a second.
func (w *world) cpu(t *testing.T, user int) {
	w.write(t, "proc/stat", fmt.Sprintf("cpu %d 0 0 0 0 0 0 0 0 0\ncpu0 0\ncpu1 0\n", user))
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// put adds or changes a container. A run of 0 means that it does not run.
func (w *world) put(id string, run int, change func(*Target)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := Target{Container: sample.Container{ID: id, Name: id}, Run: run,
		Groups: func() (map[string]string, error) { return map[string]string{"": filepath.Join(w.dir, id)}, nil }}
	if change != nil {
		change(&t)
	}
	for i := range w.targets {
		if w.targets[i].Container.ID == id {
			w.targets[i] = t
			return
		}
	}
	w.targets = append(w.targets, t)
}

// uses sets the counters of a container.
func (w *world) uses(t *testing.T, id string, micro, read, rx int) {
	w.write(t, id+"/cpu.stat", fmt.Sprintf("usage_usec %d\nnr_periods %d\nnr_throttled %d\n", micro, micro/100, micro/200))
	w.write(t, id+"/io.stat", fmt.Sprintf("8:0 rbytes=%d wbytes=%d rios=1 wios=1\n", read, 2*read))
	w.write(t, id+"/memory.current", "5000\n")
	w.write(t, "proc/self/net/dev", fmt.Sprintf("head\nhead\n veth1: %d 1 0 0 0 0 0 0 %d 2 0 0 0 0 0 0\n", rx, 3*rx))
}

// run runs the collector until the test ends.
func run(t *testing.T, c *Collector) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(b)) }

// TestRates: what was used between two measurements, by the time between them; traffic is seen from inside.
func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		w.put("a", 7, func(t *Target) { t.Links = []Link{{"eth0", "veth1"}, {"eth1", "gone"}} })
		w.uses(t, "a", 1000, 100, 10)
		run(t, c)
		sets, stop := c.Watch()
		defer stop()
		first := <-sets
		if first.Containers[0].Rate != (sample.Rate{}) || first.Host.Rate != (sample.HostRate{}) {
			t.Errorf("rates of a first measurement: %+v", first.Containers[0].Rate)
		}
		w.uses(t, "a", 1_501_000, 1100, 1010)
		w.cpu(t, 50)
		set := <-sets
		over := set.At.Sub(first.At).Seconds()
		a := set.Containers[0]
		if over != 1 || !near(a.Rate.CPU, 1.5) || !near(a.Rate.Read, 1000) || !near(a.Rate.Written, 2000) ||
			!near(a.Rate.Rx, 3000) || !near(a.Rate.Tx, 1000) || !near(a.Rate.Throttled, .5) {
			t.Errorf("after %g s: %+v", over, a.Rate)
		}
		if len(a.Network) != 1 || a.Network[0].Name != "eth0" || a.Network[0].RxBytes != 3030 ||
			a.Network[0].TxBytes != 1010 {
			t.Errorf("%+v", a.Network)
		}
		if !near(set.Host.Rate.CPU, .5) || set.Host.CPUs != 2 || set.Host.Driver != "vfs" {
			t.Errorf("%+v", set.Host.Rate)
		}
		// Counters that begin anew, with another run, are no rate.
		w.put("a", 8, nil)
		w.uses(t, "a", 10, 1, 1)
		if set = <-sets; set.Containers[0].Rate != (sample.Rate{}) || set.Containers[0].CPU.Total != 10_000 {
			t.Errorf("another run: %+v", set.Containers[0])
		}
		w.uses(t, "a", 5, 0, 0) // nor are counters that go back
		if set = <-sets; set.Containers[0].Rate.CPU != 0 || set.Containers[0].Rate.Read != 0 {
			t.Errorf("less than before: %+v", set.Containers[0].Rate)
		}
		w.put("a", 0, nil)
		if set = <-sets; set.Containers[0].CPU.Total != 0 || set.Containers[0].Memory.Usage != 0 {
			t.Errorf("one that does not run: %+v", set.Containers[0])
		}
	})
}

// TestPace: every second for those who watch, else every ten seconds; who begins to watch gets a measurement at once.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		run(t, c)
		time.Sleep(66 * time.Second)
		if n := len(w.kept("host")); n != 7 { // after 5 s, and then each 10 s
			t.Errorf("%d measurements in 66 s that nobody watched", n)
		}
		if n := w.measured(); n != 7 {
			t.Errorf("%d of them were told", n)
		}
		began := time.Now()
		sets, stop := c.Watch()
		<-sets
		if d := time.Since(began); d != 0 {
			t.Errorf("first after %s", d)
		}
		for range 10 {
			<-sets
		}
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("ten more after %s", d)
		}
		if n := w.measured(); n < 8 || n > 9 {
			t.Errorf("%d measurements were told", n)
		}
		stop()
		if c.Watched() {
			t.Error("still watched")
		}
		time.Sleep(2 * time.Second)
		n := len(w.kept("host"))
		time.Sleep(20 * time.Second)
		if more := len(w.kept("host")) - n; more != 2 {
			t.Errorf("%d measurements in 20 s after that", more)
		}
	})
}

// TestSlowWatcher: one that does not look holds up nobody, and sees the newest when it does.
func TestSlowWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newWorld(t)
		run(t, c)
		slow, leave := c.Watch()
		defer leave()
		sets, stop := c.Watch()
		defer stop()
		var last *sample.Set
		for range 20 {
			last = <-sets
		}
		if got := <-slow; got != last {
			t.Errorf("sees %s, the newest is %s", got.At, last.At)
		}
		for range 100 { // many who ask at once share measurements
			_, end := c.Watch()
			defer end()
		}
		if set := <-sets; set == nil {
			t.Error("nothing")
		}
	})
}

// TestRows: a running container has a row in the history from its second measurement on, the host with each.
func TestRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		w.put("on", 1, nil)
		w.put("off", 0, nil)
		w.uses(t, "on", 0, 0, 0)
		run(t, c)
		sets, stop := c.Watch()
		for range 4 {
			<-sets
		}
		stop()
		if len(w.kept("on")) != 3 || len(w.kept("off")) != 0 || len(w.kept("host")) != 4 {
			t.Errorf("%d, %d, %d rows", len(w.kept("on")), len(w.kept("off")), len(w.kept("host")))
		}
		if n := len(w.kept("on")[0]); n != len(sample.ContainerColumns) {
			t.Errorf("%d values in a row", n)
		}
		host := w.kept("host")[0]
		if len(host) != len(sample.HostColumns) || !math.IsNaN(host[len(host)-1]) {
			t.Errorf("%v", host)
		}
	})
}

// TestRestarts: those of the last hour, whatever the daemon counts since the last start by hand.
func TestRestarts(t *testing.T) {
	begin := time.Unix(1e9, 0)
	r := restarts{before: 5}
	for _, row := range []struct {
		minute, count, want int
	}{
		{0, 5, 0}, {1, 6, 1}, {2, 8, 3}, {30, 8, 3}, {31, 0, 3}, {32, 2, 5}, {61, 2, 5}, {62, 2, 4}, {63, 2, 2},
		{93, 2, 0}, {94, 1000, kept},
	} {
		if got := r.hour(begin.Add(time.Duration(row.minute)*time.Minute), row.count); got != row.want {
			t.Errorf("minute %d, %d restarts: %d in the hour, want %d", row.minute, row.count, got, row.want)
		}
	}
}

// TestRestartsOfNew: those of a container that came while the collector looks count from the first on, those of one
// that was there before it from then on.
func TestRestartsOfNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		restarted := func(t *Target) { t.Container.Restarts = 5 }
		w.put("old", 0, restarted)
		run(t, c)
		sets, stop := c.Watch()
		defer stop()
		<-sets
		w.put("new", 0, restarted)
		set := <-sets
		if set.Containers[0].RestartsHour != 5 || set.Containers[1].RestartsHour != 0 {
			t.Errorf("new %d, old %d", set.Containers[0].RestartsHour, set.Containers[1].RestartsHour)
		}
	})
}

// TestDisks: every container is counted each minute and soon after its end, one that is gone no more.
func TestDisks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		w.put("on", 1, func(t *Target) { t.LogBytes = func() int64 { return 50 } })
		w.put("off", 0, nil)
		run(t, c)
		sets, stop := c.Watch()
		set := <-sets
		if on := set.Containers[1]; on.Disk.Writable != -1 || on.Disk.Log != 50 {
			t.Errorf("before the first count: %+v", on.Disk)
		}
		stop()
		time.Sleep(10*time.Minute + 30*time.Second)
		w.mu.Lock()
		before := w.counts["on"]
		if off := w.counts["off"]; before < 9 || before > 11 || off < 9 || off > 11 {
			t.Errorf("counted %d and %d times", before, off)
		}
		w.mu.Unlock()
		w.put("on", 0, nil)
		time.Sleep(15 * time.Second)
		w.mu.Lock()
		if w.counts["on"] != before+1 {
			t.Errorf("counted %d times after its end", w.counts["on"]-before)
		}
		w.targets = nil
		w.mu.Unlock()
		time.Sleep(5 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.counts["on"] > before+2 {
			t.Errorf("counted %d times after it was removed", w.counts["on"]-before)
		}
		c.disks.mu.Lock()
		defer c.disks.mu.Unlock()
		if len(c.disks.last) != 0 || len(c.tracks) != 0 {
			t.Error("what is gone is remembered")
		}
	})
}

// TestCountFails: a container that cannot be counted is tried again, and the last count stands.
func TestCountFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := newWorld(t)
		w.put("on", 1, nil)
		run(t, c)
		time.Sleep(30 * time.Second)
		w.mu.Lock()
		w.failing = true
		before := w.counts["on"]
		w.mu.Unlock()
		time.Sleep(3 * time.Minute)
		sets, stop := c.Watch()
		defer stop()
		if set := <-sets; set.Containers[0].Disk.Writable != 1000 {
			t.Errorf("%+v", set.Containers[0].Disk)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := w.counts["on"] - before; n < 2 || n > 4 {
			t.Errorf("tried %d times in 3 minutes", n)
		}
	})
}

// TestGrowth: how fast a file system fills, over the last ten minutes.
func TestGrowth(t *testing.T) {
	var tr trends
	begin := time.Unix(1e9, 0)
	at := func(seconds int, used uint64) float64 {
		files := []sample.FileSystem{{Path: "/", Total: 1 << 40, Free: 1<<40 - used}}
		tr.note(begin.Add(time.Duration(seconds)*time.Second), files)
		return files[0].Growth
	}
	if g := at(0, 1000); g != 0 {
		t.Errorf("%g at once", g)
	}
	if g := at(30, 100000); g != 0 {
		t.Errorf("%g after 30 s", g)
	}
	if g := at(100, 2000); !near(g, 10) {
		t.Errorf("%g, want 10", g)
	}
	for s := 110; s < 2000; s += 10 {
		at(s, 2000)
	}
	if g := at(2000, 2000); g != 0 {
		t.Errorf("%g of one that does not grow any more", g)
	}
	if g := at(2100, 1000); g >= 0 {
		t.Errorf("%g of one that shrinks", g)
	}
	if at(-5000, 1000); len(tr.past["/"]) != 1 {
		t.Error("a clock that was set back left what is of the future")
	}
}

// TestClockSetBack: there is no rate over a time that did not pass, and measurements go on.
func TestClockSetBack(t *testing.T) {
	now := sample.Container{CPU: sample.CPU{Total: 5e9}}
	if r := Rate(&sample.Container{}, &now, -time.Hour); r != (sample.Rate{}) {
		t.Errorf("%+v", r)
	}
	h := sample.Host{Mode: sample.CPUModes{User: 5e9}}
	if r := HostRate(&sample.Host{}, &h, 0); r != (sample.HostRate{}) {
		t.Errorf("%+v", r)
	}
}

// TestOuter: traffic and blocks that are seen twice are counted once.
func TestOuter(t *testing.T) {
	var before, now sample.Host
	for _, name := range []string{"eth0", "veth12", "docker0", "br-1", "wlan0"} {
		before.Network = append(before.Network, sample.Interface{Name: name})
		now.Network = append(now.Network, sample.Interface{Name: name, RxBytes: 10})
	}
	for i, name := range []string{"sda", "loop0", "dm-1", "mmcblk0"} {
		now.Devices = append(now.Devices, sample.Device{Major: uint64(i), Name: name, WrittenBytes: 100})
	}
	if r := HostRate(&before, &now, time.Second); r.Rx != 20 || r.Written != 200 {
		t.Errorf("%+v", r)
	}
}

// BenchmarkMeasure measures a hundred containers, all of them this host's own control groups.
func BenchmarkMeasure(b *testing.B) {
	paths := map[string]string{}
	for _, c := range []string{"cpuacct", "cpu", "memory", "pids", "blkio"} {
		if _, err := os.Stat("/sys/fs/cgroup/" + c); err == nil {
			paths[c] = "/sys/fs/cgroup/" + c
		}
	}
	if len(paths) == 0 {
		paths[""] = "/sys/fs/cgroup"
	}
	var targets []*Target
	for n := range 100 {
		targets = append(targets, &Target{Container: sample.Container{ID: fmt.Sprint(n), Name: fmt.Sprint("c", n)}, Run: 1,
			Groups: func() (map[string]string, error) { return paths, nil }, Links: []Link{{"eth0", "eth0"}}})
	}
	var now time.Time
	c := New(Options{Machine: &machine.Machine{Proc: "/proc", Sys: "/sys", Data: "/"},
		Targets: func() []*Target { return targets }, Host: func(*sample.Host) {}, Now: func() time.Time { return now }})
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(time.Second)
		c.last.Store(c.measure())
	}
}
