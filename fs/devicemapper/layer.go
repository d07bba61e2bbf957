package devicemapper

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/devicemapper/ext4"
	"box/fs/layers"
	"box/fs/mount"
)

// Prepare implements fs.Driver.
func (d *Driver) Prepare(_ context.Context, name, parent string, o fs.PrepareOptions) error {
	id, err := layers.FolderID(name, o.Purpose)
	if err != nil {
		return err
	}
	if err := d.room(); err != nil {
		return fmt.Errorf("prepare layer %s: %w", name, err)
	}
	row := layers.Row{Info: fs.Info{Name: name, Parent: parent, State: fs.Staged, ID: id, Size: -1,
		Created: time.Now().UTC()},
		UIDs: o.UIDs, GIDs: o.GIDs}
	return d.Make(row, layers.Kept(o), func() error { return d.create(row, o) })
}

// create makes the device of a layer. That of a layer of an image is held until it is committed.
func (d *Driver) create(row layers.Row, o fs.PrepareOptions) error {
	if _, gid := o.Root(); gid != 0 { // a container's root goes through these
		if err := errors.Join(os.Chown(d.root, 0, gid), os.Chown(d.mounts(), 0, gid)); err != nil {
			return err
		}
	}
	if err := d.snapshot(row, uint64(o.Quota)); err != nil {
		return err
	}
	if err := d.disk.Mkdir(filepath.Join(d.mounts(), row.ID), 0o755); err != nil {
		return err
	}
	mapped := row.Parent == "" && len(row.UIDs) > 0 && len(row.GIDs) > 0
	if o.Purpose == fs.ForContainer && o.Quota == 0 && !mapped {
		return nil // nothing is to be done in it
	}
	h, err := d.hold(row.ID, false)
	if err != nil {
		return err
	}
	if o.Quota > 0 {
		if err := ext4.Grow(h.path, uint64(o.Quota)); err != nil {
			return errors.Join(err, d.Syncer.Sync(row.Name))
		}
	}
	if mapped {
		if err := os.Chown(d.dir(row), row.UIDs[0].Host, row.GIDs[0].Host); err != nil {
			return err
		}
	}
	if o.Purpose == fs.ForContainer {
		defer d.release(row.ID)
		return d.disk.SyncAll(h.dir)
	}
	return d.Syncer.Start(row.Name, h.path)
}

// Sync implements fs.Driver.
func (d *Driver) Sync(ctx context.Context, names ...string) error { return d.SyncApart(ctx, names...) }

// snapshot makes a layer's device of the one below, of size bytes or as large as that one.
func (d *Driver) snapshot(row layers.Row, size uint64) error {
	below := baseID
	if row.Parent != "" {
		under, err := d.table.Get(row.Parent)
		if err != nil {
			return err
		}
		below = under.ID
	}
	from, err := d.devices.read(below)
	if err != nil {
		return err
	}
	if size > 0 && size < from.Size {
		return fmt.Errorf("a container of %d bytes: it cannot be smaller than what it stands on, %d bytes: %w", size,
			from.Size, errdefs.ErrInvalidArgument)
	}
	return d.devices.make(row.ID, below, size)
}

// View implements fs.Driver.
func (d *Driver) View(_ context.Context, name, parent string) error {
	if parent == "" {
		return fmt.Errorf("view %s of nothing: %w", name, errdefs.ErrInvalidArgument)
	}
	id, err := layers.FolderID(name, fs.ForContainer)
	if err != nil {
		return err
	}
	row := layers.Row{Info: fs.Info{Name: name, Parent: parent, State: fs.Staged, ID: id, Size: -1,
		Created: time.Now().UTC()}}
	return d.Make(row, fs.View, func() error { return d.create(row, fs.PrepareOptions{Purpose: fs.ForContainer}) })
}

// Mounts implements fs.Driver. The device is active when it returns, until Release or Remove.
func (d *Driver) Mounts(_ context.Context, name string) (string, []mount.Mount, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return "", nil, err
	}
	if row.State == fs.Committed {
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.devices.activate(row.ID); err != nil {
		return "", nil, fmt.Errorf("mount layer %s: %w", name, err)
	}
	d.given[row.ID] = true
	at := filepath.Join(d.mounts(), row.ID)
	if err := layers.MountPoint(d.disk, at); err != nil {
		return "", nil, fmt.Errorf("mount layer %s: %w", name, err)
	}
	m := mount.Mount{Type: "ext4", Source: d.devices.node(row.ID), Target: at}
	if d.o.mountOptions != "" {
		m.Options = []string{d.o.mountOptions}
	}
	if row.State == fs.View {
		m.Options = append(m.Options, "ro")
	}
	return filepath.Join(at, rootDir), []mount.Mount{m}, nil
}

// Release implements fs.Releaser.
func (d *Driver) Release(_ context.Context, name string) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.given, row.ID)
	if d.held[row.ID] != nil {
		return nil
	}
	return d.devices.deactivate(row.ID, true)
}

// Apply implements fs.Driver.
func (d *Driver) Apply(ctx context.Context, name string, tar io.Reader) (size int64, err error) {
	err = d.within(name, func() (err error) {
		size, err = d.Content.Apply(ctx, name, tar)
		return err
	})
	return size, err
}

// Tar implements fs.Driver.
func (d *Driver) Tar(ctx context.Context, name string, w io.Writer) error {
	return d.within(name, func() error { return d.Content.Tar(ctx, name, w) })
}

// within calls do while the device of a layer is held.
func (d *Driver) within(name string, do func() error) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	if _, err := d.hold(row.ID, row.State == fs.View); err != nil {
		return err
	}
	defer d.release(row.ID)
	return do()
}

// Commit implements fs.Driver. The devices of the layers are not held any more.
func (d *Driver) Commit(tx fs.Tx, commits ...fs.Commit) error {
	var ids []string
	for _, c := range commits {
		if row, err := d.table.Get(c.Staged); err == nil {
			ids = append(ids, row.ID)
		}
	}
	err := d.Content.Commit(tx, commits...)
	tx.Committed(func() {
		for _, id := range ids {
			d.release(id)
		}
	})
	return err
}

// delete deletes the device of a layer.
func (d *Driver) delete(row layers.Row) error {
	d.mu.Lock()
	if h := d.held[row.ID]; h != nil {
		h.close(d, row.ID)
	}
	delete(d.given, row.ID)
	d.mu.Unlock()
	at := filepath.Join(d.mounts(), row.ID)
	if err := mount.Unmount(at); err != nil {
		return err
	}
	file, err := d.devices.bury(row.ID)
	if err != nil {
		return err
	}
	return errors.Join(d.removeSoon(file), d.disk.RemoveAll(at), d.disk.RemoveAll(d.recordOf(row)),
		d.disk.RemoveAll(d.Place.Row(row.ID)))
}

// soon is how long the removal of a layer waits for the kernel to let go of its device.
const soon = time.Second

// removeSoon deletes a device, or leaves that to the background where it is in use.
func (d *Driver) removeSoon(file string) error {
	for wait := time.Millisecond; file != ""; wait *= 2 {
		err := d.devices.remove(file, d.o.discard)
		if !errors.Is(err, unix.EBUSY) {
			return err
		}
		if wait < soon {
			time.Sleep(wait)
			continue
		}
		d.sweeps.Go(func() {
			select {
			case d.graves <- file:
			case <-d.closed: // the next Open finds it
			}
		})
		break
	}
	return nil
}

// room refuses a new device when the pool has less room than dm.min_free_space.
func (d *Driver) room() error {
	s, err := d.devices.pool.Status()
	if err != nil {
		return err
	}
	for _, part := range []struct {
		name     string
		used, of uint64
	}{{"data", s.DataUsed, s.DataOf}, {"metadata", s.MetadataUsed, s.MetadataOf}} {
		least := part.of * uint64(d.o.minFree) / 100
		if free := part.of - min(part.used, part.of); free < least {
			return fmt.Errorf("devmapper: Thin Pool has %d free %s blocks which is less than minimum required %d free %s "+
				"blocks. Create more free space in thin pool or use dm.min_free_space option to change behavior: %w", free,
				part.name, least, part.name, unix.ENOSPC)
		}
	}
	return nil
}
