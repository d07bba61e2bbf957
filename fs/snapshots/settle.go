package snapshots

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"box/fs"
	"box/fs/layers"
)

// A container's copy of its image takes long to reach the disk, and can be made again. So its creation does not wait
// for that: until the copy is there, a link <root>/fresh/<id> leads to the ID of the boot, and nobody may write to the
// layer. If the host goes down before, the next Open finds the link of another boot, and the layer has to be made anew.

// settling are layers whose copies are on their way to the disk.
type settling struct {
	now  func()        // they are waited for
	done chan struct{} // closed when they are there, or cannot be
	err  error         // once done is closed
}

// unhurried is when layers are written out that nobody waits for: one that is removed before costs no write.
const unhurried = 2 * time.Second

func (d *Driver) fresh() string              { return filepath.Join(d.o.Root, "fresh") }
func (d *Driver) mark(row layers.Row) string { return filepath.Join(d.fresh(), row.ID) }
func (d *Driver) copied(o fs.PrepareOptions) bool {
	return d.o.Copies && d.boot != "" && o.Purpose == fs.ForContainer && o.Deferred
}

// bootID returns the ID of this boot (random(4)), or "" where the kernel tells none.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// openFresh goes on with what an earlier daemon of this boot has copied, and finds what an earlier boot has lost.
func (d *Driver) openFresh() error {
	entries, err := os.ReadDir(d.fresh())
	if err != nil || len(entries) == 0 {
		return err
	}
	rows := map[string]layers.Row{}
	if err := d.table.Walk(func(row layers.Row) error { rows[row.ID] = row; return nil }); err != nil {
		return err
	}
	var again []layers.Row
	for _, e := range entries {
		row, known := rows[e.Name()]
		boot, _ := os.Readlink(filepath.Join(d.fresh(), e.Name()))
		switch {
		case !known:
			if err := d.disk.RemoveAll(filepath.Join(d.fresh(), e.Name())); err != nil {
				return err
			}
		case boot == d.boot:
			again = append(again, row)
		default:
			d.lost = append(d.lost, row.Name)
		}
	}
	for _, row := range again {
		if err := d.Syncer.Start(row.Name, d.folders()); err != nil {
			return err
		}
	}
	d.settleLater(again)
	return nil
}

// settleLater writes layers out in the background.
func (d *Driver) settleLater(rows []layers.Row) {
	if len(rows) == 0 {
		return
	}
	now := make(chan struct{})
	s := &settling{now: sync.OnceFunc(func() { close(now) }), done: make(chan struct{})}
	d.mu.Lock()
	for _, row := range rows {
		d.settling[row.ID] = s
	}
	d.mu.Unlock()
	d.sweeps.Go(func() {
		select {
		case <-now:
		case <-time.After(unhurried):
		case <-d.stopped.Done():
		}
		if s.err = d.stopped.Err(); s.err == nil { // else the next Open goes on
			s.err = d.settle(rows)
		}
		d.mu.Lock()
		for _, row := range rows {
			if s.err == nil && d.settling[row.ID] == s {
				delete(d.settling, row.ID)
			}
		}
		d.mu.Unlock()
		close(s.done)
	})
}

// settle writes layers out, and then takes their links away. Those that have none were removed.
func (d *Driver) settle(rows []layers.Row) error {
	var names []string
	for _, row := range rows {
		if _, err := os.Lstat(d.mark(row)); err == nil {
			names = append(names, row.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	defer d.Syncer.End(names...)
	if err := d.Syncer.Sync(names...); err != nil {
		return err
	}
	for _, row := range rows {
		if err := d.disk.Remove(d.mark(row)); err != nil && !errors.Is(err, os.ErrNotExist) { // it was removed
			return err
		}
	}
	return d.disk.SyncFolder(d.fresh())
}

// settled waits until a layer that is kept is on the disk, so that what is written to it is never taken for its copy.
func (d *Driver) settled(ctx context.Context, row layers.Row) error {
	d.mu.Lock()
	s := d.settling[row.ID]
	d.mu.Unlock()
	if s == nil || row.State != fs.Active { // one that is being removed is not written to
		return nil
	}
	s.now()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keepCopied is Keep of layers of which some were copied: these are written out once they are kept.
func (d *Driver) keepCopied(tx fs.Tx, names ...string) (others []string, err error) {
	var rows []layers.Row
	for _, name := range names {
		row, err := d.table.Get(name)
		if err != nil {
			return nil, err
		}
		if _, err := os.Lstat(d.mark(row)); d.o.Copies && err == nil {
			rows = append(rows, row)
		} else {
			others = append(others, name)
		}
	}
	if len(rows) == 0 {
		return others, nil
	}
	tx.Committed(func() { d.settleLater(rows) })
	return others, d.disk.SyncFolder(d.fresh())
}

// Unsettled implements fs.Settler.
func (d *Driver) Unsettled() []string { return slices.Clone(d.lost) }

// Remake implements fs.Settler.
func (d *Driver) Remake(ctx context.Context, name string) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	if !slices.Contains(d.lost, name) || row.Parent == "" {
		return fmt.Errorf("make layer %s again: it is not lost", name)
	}
	below, err := d.table.Get(row.Parent)
	if err != nil {
		return err
	}
	at := d.place(row)
	if err := d.remove(at); err != nil {
		return fmt.Errorf("make layer %s again: %w", name, err)
	}
	if err := d.Syncer.Start(name, d.folders()); err != nil {
		return err
	}
	err = d.o.Trees.Clone(ctx, d.place(below), at)
	if l, ok := d.o.Trees.(Limiter); ok && err == nil && row.Quota > 0 {
		err = l.Limit(at, row.Quota)
	}
	if err != nil {
		return fmt.Errorf("make layer %s again: %w", name, err)
	}
	return nil
}

// Settle implements fs.Settler.
func (d *Driver) Settle(_ context.Context, names ...string) error {
	var rows []layers.Row
	for _, name := range names {
		row, err := d.table.Get(name)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if err := d.settle(rows); err != nil {
		return err
	}
	d.lost = slices.DeleteFunc(d.lost, func(name string) bool { return slices.Contains(names, name) })
	return nil
}
