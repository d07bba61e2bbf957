package migrate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine/lifecycle"
	"box/engine/request"
	"box/engine/state"
	"box/fs"
	"box/fs/archive"
)

// copied marks a container whose layers are copied, by the new driver and the container's ID.
type copied struct {
	From  string
	Stale bool `json:",omitempty"` // From was used since
}

func marks() state.Table[copied] { return state.Table[copied]{Name: "migrated"} }

// names returns the layers of a container in a driver, each below those after it.
func names(ctx context.Context, d fs.Driver, id string) []string {
	list := []string{id + "-init", id}
	for n := 0; ; n++ {
		name := id + "-image" + strconv.Itoa(n)
		if _, err := d.Stat(ctx, name); err != nil {
			return list
		}
		list = append(list, name)
	}
}

// standsOn returns the layers of images on which a container's copied layers stand.
func (m *Move) standsOn(ctx context.Context, id string) (list []string) {
	for _, name := range names(ctx, m.To, id) {
		if info, err := m.To.Stat(ctx, name); err == nil && name != id {
			list = append(list, info.Parent)
		}
	}
	return list
}

// container copies the layers of a container, unless that was done.
func (m *Move) container(ctx context.Context, rec *lifecycle.Record, read func(string, int)) (err error) {
	key := m.To.Name() + "/" + rec.ID
	var mark copied
	err = m.DB.View(func(tx *state.Tx) (err error) {
		mark, err = marks().Get(tx, key)
		return err
	})
	if err == nil && mark.From == m.From.Name() && !mark.Stale {
		return nil
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	if err := drop(ctx, m.To, rec.ID); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, drop(context.WithoutCancel(ctx), m.To, rec.ID))
		}
	}()
	quota, err := request.Quota(rec.Host.StorageOpt)
	if err != nil {
		return err
	}
	list := names(ctx, m.From, rec.ID)
	for _, name := range list {
		limit := int64(0)
		if name == rec.ID {
			limit = quota
		}
		if err := m.layer(ctx, name, limit, read); err != nil {
			return err
		}
	}
	return m.DB.Update(func(tx *state.Tx) error {
		return errors.Join(m.To.Keep(tx.Layers(), list...), marks().Put(tx, key, copied{From: m.From.Name()}))
	})
}

// layer copies one layer of a container, and what it stands on where that is missing.
func (m *Move) layer(ctx context.Context, name string, quota int64, read func(string, int)) error {
	info, err := m.From.Stat(ctx, name)
	if err != nil {
		return err
	}
	below, err := m.stateBelow(ctx, info.Parent)
	if err != nil {
		return err
	}
	if below == fs.Committed {
		defer m.Images.PinChain(info.Parent)(context.WithoutCancel(ctx))
		if err := m.Images.AdoptChain(ctx, m.From, info.Parent, read); err != nil {
			return err
		}
	}
	err = m.To.Prepare(ctx, name, info.Parent, fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true,
		IDMaps: m.IDs, Quota: quota})
	if err != nil {
		return err
	}
	from, err := m.FromRoots.Mount(ctx, name) // which a killed daemon may have left mounted
	if err != nil {
		return err
	}
	defer m.FromRoots.Unmount(name)
	return m.Roots.Within(ctx, name, func(_ int, to string) error {
		if err := archive.Mirror(ctx, from, to, m.Disk); err != nil {
			return err
		}
		return m.syncAll(to)
	})
}

// stateBelow returns the state of the layer below one of a container's, 0 for none.
func (m *Move) stateBelow(ctx context.Context, parent string) (fs.State, error) {
	if parent == "" {
		return 0, nil
	}
	info, err := m.From.Stat(ctx, parent)
	return info.State, err
}

// syncAll writes the file system of a root to the disk.
func (m *Move) syncAll(root string) error {
	f, err := os.Open(root)
	if err != nil {
		return err
	}
	defer f.Close()
	return m.Disk.SyncAll(f)
}

// drop removes the layers of a container from a driver.
func drop(ctx context.Context, d fs.Driver, id string) error {
	list := names(ctx, d, id)
	slices.Reverse(list)
	var errs []error
	for _, name := range list {
		errs = append(errs, d.Remove(ctx, name))
	}
	return errors.Join(errs...)
}

// finish makes the containers those of To, and ends the images of From, in one transaction.
func (m *Move) finish(ctx context.Context, containers []lifecycle.Record) error {
	for i := range containers {
		rec := &containers[i]
		rec.Driver = m.To.Name()
		rec.Mounts = slices.Clone(rec.Mounts)
		for n := range rec.Mounts {
			at := &rec.Mounts[n]
			if at.Layer == "" {
				continue
			}
			var err error
			if at.Source, _, err = m.To.Mounts(ctx, at.Layer); err != nil {
				return fmt.Errorf("container %s: %w", rec.Name, err)
			}
		}
	}
	return m.Take(containers, func(tx *state.Tx) error {
		var err error
		for _, rec := range containers {
			err = errors.Join(err, lifecycle.Records.Put(tx, rec.ID, rec), marks().Delete(tx, m.To.Name()+"/"+rec.ID))
		}
		if m.Keep {
			return err
		}
		return errors.Join(err, m.Images.Forsake(tx, m.From.Name()), emptied().Put(tx, m.From.Name(), struct{}{}))
	})
}

// outdated returns the marks of copies from a driver that is used again, and the containers whose copy in the driver is
// of no use.
func outdated(tx *state.Tx, driver string) (stale, gone []string, err error) {
	err = marks().Walk(tx, func(key string, c copied, bad error) error {
		id, mine := strings.CutPrefix(key, driver+"/")
		_, missing := lifecycle.Records.Get(tx, id)
		switch {
		case mine && (bad != nil || c.Stale || errdefs.IsNotFound(missing)):
			gone = append(gone, id)
		case c.From == driver && !c.Stale:
			stale = append(stale, key)
		}
		return nil
	})
	return stale, gone, err
}
