package collect

import (
	"context"
	"sync"
	"time"

	"box/engine/stats/sample"
)

// Limits of counting the files of containers, which walks the trees of those that somebody has used since.
const (
	countEvery = time.Minute
	countShare = 100 // counting a container takes at most one part in this many of the time
	countLook  = 5 * time.Second
)

// disks counts what the files of containers take, one after another, in a goroutine of its own.
type disks struct {
	mu   sync.Mutex
	last map[string]counted
}

// counted is the last count of one container.
type counted struct {
	disk    sample.Disk
	done    bool
	running bool
	next    time.Time
}

// want has a container counted, and soon after its start or end. One that does not run may change too: by `docker cp`.
func (d *disks) want(id string, running bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := d.last[id]
	if !ok || l.running != running {
		l.running, l.next = running, time.Time{}
		d.last[id] = l
	}
}

func (d *disks) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.last, id)
}

// of returns the last count.
func (d *disks) of(id string) sample.Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if l, ok := d.last[id]; ok && l.done {
		return l.disk
	}
	return sample.Disk{Writable: -1}
}

// due returns a container whose time has come.
func (d *disks) due(now time.Time) (id string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var first time.Time
	for name, l := range d.last {
		if !l.next.After(now) && (!ok || l.next.Before(first)) {
			id, first, ok = name, l.next, true
		}
	}
	return id, ok
}

// run counts until ctx ends.
func (d *disks) run(ctx context.Context, count func(context.Context, string) (sample.Disk, error),
	now func() time.Time) {
	tick := time.NewTicker(countLook)
	defer tick.Stop()
	for count != nil {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for id, ok := d.due(now()); ok && ctx.Err() == nil; id, ok = d.due(now()) {
			began := time.Now()
			disk, err := count(ctx, id)
			d.note(id, disk, err == nil, now().Add(max(countEvery, countShare*time.Since(began))))
		}
	}
}

func (d *disks) note(id string, disk sample.Disk, done bool, next time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := d.last[id]
	if !ok {
		return // it was removed meanwhile
	}
	if done {
		l.disk, l.done = disk, true
	}
	l.next = next
	d.last[id] = l
}
