package hosts

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/system"

	"box/engine/stats/collect"
	"box/engine/stats/machine"
	"box/engine/stats/sample"
	"box/netapi/client"
)

const (
	listEvery  = 2 * time.Second // also tells that the daemon answers
	listPause  = 100 * time.Millisecond
	infoEvery  = 30 * time.Second
	countEvery = 5 * time.Minute // how often Docker counts the sizes on its disk, which is much work for it
)

// docker is what is known of a daemon that has Docker's API alone.
type docker struct {
	api   *client.Client
	alive func() // called for everything that it answers
	now   func() time.Time
	work  sync.WaitGroup // all goroutines of this daemon
	stale chan struct{}  // something has changed: list again

	mu    sync.Mutex
	host  sample.Host
	sizes map[string]int64 // of the writable layers, as last counted; nil: not yet
	all   map[string]*observed
	known bool             // listed once
	here  *machine.Machine // this machine, if the daemon is on it
	last  sample.Host      // its measurement before
	at    time.Time
	slow  time.Time // when what changes slowly was measured
	runs  runs
}

// followDocker measures by Docker's API, until that fails.
func (h *Host) followDocker(ctx context.Context, alive func()) error {
	d := &docker{api: h.api, alive: alive, now: h.now, stale: make(chan struct{}, 1), all: map[string]*observed{},
		runs: newRuns()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer d.work.Wait()
	defer cancel(errUnwatched)
	if err := d.info(ctx); err != nil {
		return err
	}
	d.work.Go(func() { cancel(d.events(ctx)) })
	d.work.Go(func() { cancel(d.repeat(ctx, infoEvery, d.info)) })
	d.work.Go(func() { _ = d.repeat(ctx, countEvery, d.count) }) // one that cannot count can do all else
	d.work.Go(func() { cancel(d.keepList(ctx)) })
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if set, rated := d.set(); set != nil {
				h.measured(Docker, set, rated)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// repeat calls f at once and at intervals, until it fails.
func (d *docker) repeat(ctx context.Context, interval time.Duration, f func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := f(ctx); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// keepList lists the containers at intervals, and soon after each event of one.
func (d *docker) keepList(ctx context.Context) error {
	tick := time.NewTicker(listEvery)
	defer tick.Stop()
	for {
		if err := d.list(ctx); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-d.stale:
		case <-ctx.Done():
			return ctx.Err()
		}
		select { // events come in groups
		case <-time.After(listPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// list brings the containers up to date, and starts the measuring of each that runs.
func (d *docker) list(ctx context.Context) error {
	list, err := d.api.ContainerList(ctx, client.ListContainers{All: true})
	if err != nil {
		return err
	}
	d.alive()
	var changed []*observed
	d.mu.Lock()
	seen := map[string]bool{}
	for _, s := range list {
		seen[s.ID] = true
		o := d.all[s.ID]
		if o == nil {
			o = &observed{id: s.ID, dirty: true}
			d.all[s.ID] = o
		}
		if o.listed(&s) || o.dirty {
			o.dirty = false
			changed = append(changed, o)
		}
	}
	maps.DeleteFunc(d.all, func(id string, o *observed) bool {
		if !seen[id] {
			o.end()
		}
		return !seen[id]
	})
	d.mu.Unlock()
	d.inspectAll(ctx, changed)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.all {
		o.known = true
		d.meter(ctx, o)
	}
	d.known = true
	return nil
}

// info asks what the daemon and its machine are.
func (d *docker) info(ctx context.Context) error {
	raw, err := d.api.Info(ctx)
	if err != nil {
		return err
	}
	var i system.Info
	if err := json.Unmarshal(raw, &i); err != nil {
		return err
	}
	nets, err := d.api.NetworkList(ctx, nil)
	if err != nil {
		return err
	}
	d.alive()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.here == nil && d.local(&i) {
		d.here = &machine.Machine{Proc: "/proc", Sys: "/sys", Data: i.DockerRootDir}
	}
	h := &d.host
	h.Name, h.Kernel, h.Driver, h.Root, h.CPUs = i.Name, i.KernelVersion, i.Driver, i.DockerRootDir, i.NCPU
	h.Cgroup, h.Memory.Total, h.Warnings = i.CgroupVersion, uint64(max(i.MemTotal, 0)), i.Warnings
	h.Daemon.Images, h.Daemon.Networks = i.Images, len(nets)
	return nil
}

// count asks what the objects of the daemon take on its disk.
func (d *docker) count(ctx context.Context) error {
	u, err := d.api.DiskUsage(ctx)
	if err != nil {
		return err
	}
	d.alive()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.host.Daemon.ImageBytes, d.host.Daemon.Volumes = u.LayersSize, len(u.Volumes)
	d.sizes = map[string]int64{}
	for _, c := range u.Containers {
		d.sizes[c.ID] = c.SizeRw
	}
	return nil
}

// set returns the measurement of this moment, nil before the containers are known. rated tells whether all that run
// have rates.
func (d *docker) set() (set *sample.Set, rated bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if rated = d.known; !rated {
		return nil, false
	}
	d.measureHost(now)
	set = &sample.Set{At: now, Host: d.host}
	for id, o := range d.all {
		if !o.known {
			continue // seen this moment
		}
		c := o.c
		rated = rated && (!running(&c) || o.frames > 1)
		c.RestartsHour, c.ByHand = d.runs.restarts(id, c.Policy, now), d.runs.byHand[id] && !running(&c)
		c.Disk.Writable = -1
		if size, ok := d.sizes[id]; ok {
			c.Disk.Writable = size
		}
		set.Containers = append(set.Containers, c)
	}
	slices.SortFunc(set.Containers, func(a, b sample.Container) int { return strings.Compare(a.Name, b.Name) })
	return set, rated
}

// local tells whether a daemon is on this machine, whose socket may also be that of another.
func (d *docker) local(i *system.Info) bool {
	var here sample.Host
	(&machine.Machine{Proc: "/proc", Sys: "/sys"}).Slow(&here)
	return strings.HasPrefix(d.api.Host(), "unix://") && here.Name == i.Name && here.Kernel == i.KernelVersion
}

// slowEvery is how often of the machine is measured what changes slowly.
const slowEvery = 10 * time.Second

// measureHost measures the machine, which Docker's API does not. The caller holds d.mu.
func (d *docker) measureHost(now time.Time) {
	if d.here == nil {
		return
	}
	if now.Sub(d.slow) >= slowEvery {
		d.here.Slow(&d.host)
		d.slow = now
	}
	d.here.Fast(&d.host)
	if !d.at.IsZero() {
		d.host.Rate = collect.HostRate(&d.last, &d.host, now.Sub(d.at))
	}
	d.last, d.at = d.host, now
}

// running tells whether a container has processes.
func running(c *sample.Container) bool {
	return c.State == string(container.StateRunning) || c.State == string(container.StatePaused)
}
