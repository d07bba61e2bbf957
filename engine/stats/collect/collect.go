// Package collect measures the host and all containers again and again: each second while somebody watches, else every
// ten seconds. Every measurement goes to those who watch and into the history.
package collect

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"box/engine/stats/group"
	"box/engine/stats/machine"
	"box/engine/stats/sample"
)

// How often the collector measures.
const (
	watchedEvery = time.Second
	idleEvery    = 10 * time.Second
	limitsEvery  = time.Minute     // what somebody else than the daemon may have changed
	firstAfter   = 5 * time.Second // a daemon that was just started has other things to do
)

// Options say what is measured.
type Options struct {
	Machine *machine.Machine
	// Targets returns every container, running or not. Nobody changes what it has returned.
	Targets func() []*Target
	// Host adds what the daemon knows.
	Host func(*sample.Host)
	// Count counts what the files of a container take.
	Count func(ctx context.Context, id string) (sample.Disk, error)
	// Record keeps a row of the history; nil: there is none.
	Record func(series string, at time.Time, values []float64)
	// Gone is told of a container that is not there any more; nil: nobody.
	Gone func(id string, at time.Time)
	// Measured is called every ten seconds, after a measurement; nil: nobody.
	Measured func()
	Now      func() time.Time
}

// Target is a container to measure.
type Target struct {
	Container sample.Container                  // what is known of it without measuring
	Run       int                               // tells runs apart; 0: it does not run
	Edits     uint64                            // tells limits apart: when it changes, they are read again
	Groups    func() (map[string]string, error) // folders of its control groups, by controller
	Links     []Link                            // of its own network namespace
	LogBytes  func() int64
}

// Link is an interface of a container and its other end.
type Link struct{ Inside, Outside string }

// Collector measures. Run has to be called.
type Collector struct {
	o    Options
	last atomic.Pointer[sample.Set]
	wake chan struct{} // somebody wants a measurement now
	asks atomic.Bool   // and wants to see in it what changes slowly

	mu        sync.Mutex
	followers []func(*sample.Set)
	watchers  map[chan *sample.Set]*sample.Set // what each was sent last

	// Of Run alone.
	tracks map[string]*track
	trends trends
	slowAt time.Time
	host   sample.Host // what the last slow measurement found
	disks  disks
	buf    group.Buffer
}

// track is what is kept of one container between measurements.
type track struct {
	run      int
	group    *group.Group
	before   sample.Container
	at       time.Time
	edits    uint64
	limitsAt time.Time
	peaksAt  uint64 // processor time when its peaks were read
	restarts restarts
	log      int64
	seen     bool
}

// New returns a collector.
func New(o Options) *Collector {
	return &Collector{o: o, wake: make(chan struct{}, 1), watchers: map[chan *sample.Set]*sample.Set{},
		tracks: map[string]*track{}, disks: disks{last: map[string]counted{}}}
}

// Run measures until ctx ends.
func (c *Collector) Run(ctx context.Context) {
	var counting sync.WaitGroup
	counting.Go(func() { c.disks.run(ctx, c.o.Count, c.o.Now) })
	defer counting.Wait()
	defer c.close()
	timer := time.NewTimer(firstAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.wake:
			if wait := c.early(); wait > 0 {
				timer.Reset(wait)
				continue
			}
		}
		began := time.Now()
		set := c.measure()
		c.last.Store(set)
		c.tell(set)
		c.send(set)
		next := c.every()
		if c.o.Measured != nil && set.At.Equal(c.slowAt) {
			c.o.Measured()
		}
		timer.Reset(max(next-time.Since(began), next/2)) // on a slow machine it takes its time
	}
}

// close closes the files of all groups.
func (c *Collector) close() {
	for _, t := range c.tracks {
		if t.group != nil {
			t.group.Close()
		}
	}
}

func (c *Collector) every() time.Duration {
	if c.Watched() {
		return watchedEvery
	}
	return idleEvery
}

// Watched tells whether somebody watches.
func (c *Collector) Watched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watchers) > 0
}

// Watch sends measurements to sets, a first one within shortest, until stop is called. None is older than the call: who
// has changed something sees it. One that is not received before the next is dropped. What is sent is never changed.
func (c *Collector) Watch() (sets <-chan *sample.Set, stop func()) {
	c.asks.Store(true)
	return c.Glance()
}

// Glance is Watch for those who come again and again: what changes slowly may be ten seconds old.
func (c *Collector) Glance() (sets <-chan *sample.Set, stop func()) {
	w := make(chan *sample.Set, 1)
	c.mu.Lock()
	c.watchers[w] = nil
	c.mu.Unlock()
	c.Wake()
	return w, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watchers, w)
	}
}

// Follow calls fn with every measurement from now on, however often they are made, and waits for it.
func (c *Collector) Follow(fn func(*sample.Set)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.followers = append(c.followers, fn)
}

// Wake asks for a measurement now.
func (c *Collector) Wake() {
	select {
	case c.wake <- struct{}{}:
	default: // it is asked for already
	}
}

func (c *Collector) tell(set *sample.Set) {
	c.mu.Lock()
	followers := slices.Clone(c.followers)
	c.mu.Unlock()
	for _, fn := range followers {
		fn(set)
	}
}

func (c *Collector) send(set *sample.Set) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w, last := range c.watchers {
		if last == set {
			continue
		}
		select {
		case <-w: // an old one that nobody has received
		default:
		}
		w <- set
		c.watchers[w] = set
	}
}

// shortest is the least time over which a rate says something.
const shortest = 200 * time.Millisecond

// early returns how long it is until the next measurement may be made.
func (c *Collector) early() time.Duration {
	last := c.last.Load()
	if last == nil {
		return 0
	}
	// Abs, for a clock that was set back: there is no rate over a time that did not pass.
	return shortest - c.o.Now().Sub(last.At).Abs()
}

// measure makes a set.
func (c *Collector) measure() *sample.Set {
	now := c.o.Now()
	last := c.last.Load()
	slow := c.asks.Swap(false) || now.Sub(c.slowAt).Abs() >= idleEvery-watchedEvery/2
	if slow {
		c.slowAt = now
	}
	set := &sample.Set{At: now.UTC(), Host: c.measureHost(now, slow, last)}
	c.record("host", now, hostRow(&set.Host))
	links := map[string]sample.Interface{}
	for _, i := range set.Host.Network {
		links[i.Name] = i
	}
	targets := c.o.Targets()
	set.Containers = make([]sample.Container, 0, len(targets))
	for _, t := range targets {
		set.Containers = append(set.Containers, c.measureContainer(t, now, slow, links))
		c.disks.want(t.Container.ID, t.Run > 0)
	}
	c.forget()
	slices.SortFunc(set.Containers, func(a, b sample.Container) int { return cmp.Compare(a.Name, b.Name) })
	return set
}

func (c *Collector) record(series string, at time.Time, row []float64) {
	if c.o.Record != nil {
		c.o.Record(series, at, row)
	}
}

// measureHost measures the host. What changes slowly is taken from the last slow measurement.
func (c *Collector) measureHost(now time.Time, slow bool, last *sample.Set) sample.Host {
	if slow {
		c.host = sample.Host{}
		c.o.Machine.Slow(&c.host)
		c.trends.note(now, c.host.Files)
		c.o.Host(&c.host)
	}
	h := c.host
	h.CPUs = 0
	c.o.Machine.Fast(&h)
	if last != nil {
		h.Rate = HostRate(&last.Host, &h, now.Sub(last.At))
	}
	return h
}

// measureContainer measures one container, and keeps the files of its group open for the next time.
func (c *Collector) measureContainer(t *Target, now time.Time, slow bool,
	links map[string]sample.Interface) sample.Container {
	out := t.Container
	k := c.tracks[out.ID]
	if k == nil {
		k = &track{}
		if c.last.Load() == nil { // those of before: nobody knows when
			k.restarts.before = out.Restarts
		}
		c.tracks[out.ID] = k
	}
	k.seen = true
	out.RestartsHour = k.restarts.hour(now, out.Restarts)
	if (slow || k.at.IsZero()) && t.LogBytes != nil {
		k.log = t.LogBytes()
	}
	out.Disk = c.disks.of(out.ID)
	out.Disk.Log = k.log
	if k.run != t.Run || t.Run == 0 {
		k.begin(t, &c.buf)
	}
	if k.group == nil {
		k.at = now
		return out
	}
	fresh := k.at.IsZero()
	if !fresh {
		group.Keep(&out, &k.before)
	}
	if fresh || k.edits != t.Edits || now.Sub(k.limitsAt).Abs() >= limitsEvery {
		k.edits, k.limitsAt = t.Edits, now
		k.group.Limits(&out)
	}
	before := &k.before
	if slow || fresh {
		before = nil
	}
	k.group.Read(&out, before)
	if fresh || slow && k.peaksAt != out.CPU.Total { // what has not run has met no limit
		k.peaksAt = out.CPU.Total
		k.group.Peaks(&out)
	}
	out.Network = inside(t.Links, links)
	if !fresh {
		out.Rate = Rate(&k.before, &out, now.Sub(k.at))
		c.record(out.ID, now, row(&out))
	}
	k.before, k.at = out, now
	return out
}

// begin opens the control group of another run, or closes that of one that is over.
func (k *track) begin(t *Target, buf *group.Buffer) {
	if k.group != nil {
		k.group.Close()
	}
	k.run, k.group, k.before, k.at = t.Run, nil, sample.Container{}, time.Time{}
	if t.Run == 0 || t.Groups == nil {
		return
	}
	if paths, err := t.Groups(); err == nil {
		k.group = group.Open(paths, buf)
	}
}

// forget drops what is kept of containers that are gone.
func (c *Collector) forget() {
	for id, k := range c.tracks {
		if !k.seen {
			if k.group != nil {
				k.group.Close()
			}
			delete(c.tracks, id)
			c.disks.forget(id)
			if c.o.Gone != nil {
				c.o.Gone(id, c.o.Now())
			}
		}
		k.seen = false
	}
}

// inside returns the counters of a container's interfaces, which are those of their other ends turned round.
func inside(list []Link, links map[string]sample.Interface) (out []sample.Interface) {
	for _, l := range list {
		o, ok := links[l.Outside]
		if !ok {
			continue
		}
		out = append(out, sample.Interface{Name: l.Inside,
			RxBytes: o.TxBytes, RxPackets: o.TxPackets, RxErrors: o.TxErrors, RxDropped: o.TxDropped,
			TxBytes: o.RxBytes, TxPackets: o.RxPackets, TxErrors: o.RxErrors, TxDropped: o.RxDropped})
	}
	return out
}

var unknown = math.NaN()

// row is a row of the history of a container, by sample.ContainerColumns.
func row(c *sample.Container) []float64 {
	disk := unknown
	if c.Disk.Writable >= 0 {
		disk = float64(c.Disk.Writable + c.Disk.Log)
	}
	r, m := &c.Rate, float64(c.Memory.WorkingSet)
	return []float64{r.CPU, r.CPU, r.Throttled, m, m, r.Rx, r.Tx, r.Read, r.Written, float64(c.Pids.Current), disk}
}

// hostRow is a row of the history of the host, by sample.HostColumns.
func hostRow(h *sample.Host) []float64 {
	used := float64(h.Memory.Total - min(h.Memory.Available, h.Memory.Total))
	disk, inodes, heat := unknown, unknown, unknown
	for _, f := range h.Files {
		if f.Data {
			disk, inodes = float64(f.Total-f.Free), float64(f.Inodes-f.FreeInodes)
		}
	}
	for _, t := range h.Heat {
		if !(t.Celsius <= heat) {
			heat = t.Celsius
		}
	}
	r := &h.Rate
	return []float64{r.CPU, r.CPU, r.IOWait, h.Load[0], used, used, float64(h.Memory.SwapTotal - h.Memory.SwapFree),
		r.Rx, r.Tx, r.Read, r.Written, disk, inodes, heat}
}
