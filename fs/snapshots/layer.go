package snapshots

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/layers"
	"box/fs/mount"
)

// Prepare implements fs.Driver.
func (d *Driver) Prepare(ctx context.Context, name, parent string, o fs.PrepareOptions) error {
	if _, ok := d.o.Trees.(Limiter); !ok && o.Quota != 0 {
		return fmt.Errorf("limit the size of layer %s: %s has no quotas here: %w", name, d.o.Name,
			errdefs.ErrNotImplemented)
	}
	id, err := layers.FolderID(name, o.Purpose)
	if err != nil {
		return err
	}
	row := layers.Row{Info: fs.Info{Name: name, Parent: parent, State: fs.Staged, ID: id, Size: -1,
		Created: time.Now().UTC()},
		UIDs: o.UIDs, GIDs: o.GIDs, Quota: o.Quota}
	keep := layers.Kept(o)
	err = d.Make(row, keep, func() error {
		err := d.create(ctx, row, o)
		if err == nil && o.Quota != 0 {
			err = d.o.Trees.(Limiter).Limit(d.place(row), o.Quota)
		}
		if err == nil && keep != 0 {
			err = d.Syncer.Sync(name) // a copy has content, which has to be on disk before its row
		}
		return err
	})
	if keep != 0 {
		d.Syncer.End(name)
	}
	return err
}

// create makes a layer's tree from the one below.
func (d *Driver) create(ctx context.Context, row layers.Row, o fs.PrepareOptions) error {
	if _, gid := (fs.IDMaps{GIDs: row.GIDs}).Root(); gid != 0 { // a container's root goes through these
		if err := errors.Join(os.Chown(d.o.Root, 0, gid), os.Chown(d.folders(), 0, gid)); err != nil {
			return err
		}
	}
	if err := d.start(row); err != nil {
		return err
	}
	if d.copied(o) && row.Parent != "" {
		if err := d.disk.Symlink(d.boot, d.mark(row)); err != nil {
			return err
		}
	}
	err := error(nil)
	if row.Parent == "" {
		err = d.o.Trees.Make(d.place(row))
	} else {
		var below layers.Row
		if below, err = d.table.Get(row.Parent); err == nil {
			err = d.o.Trees.Clone(ctx, d.place(below), d.place(row))
		}
	}
	if err != nil {
		return err
	}
	return d.fill(row, o)
}

// start prepares for the tree of a layer: that its writes are made durable, or for one that is mounted the folder.
func (d *Driver) start(row layers.Row) error {
	if d.mounted == nil {
		return d.Syncer.Start(row.Name, d.folders())
	}
	err := d.disk.Mkdir(d.place(row), 0o755)
	if errors.Is(err, os.ErrExist) { // left by a removal that was not possible
		if err = d.deleteMounted(d.place(row)); err == nil {
			err = d.disk.Mkdir(d.place(row), 0o755)
		}
	}
	return err
}

// Sync implements fs.Driver.
func (d *Driver) Sync(ctx context.Context, names ...string) error {
	if d.mounted != nil {
		return d.SyncApart(ctx, names...)
	}
	return d.Content.Sync(ctx, names...)
}

// View implements fs.Driver.
func (d *Driver) View(ctx context.Context, name, parent string) error {
	if parent == "" {
		return fmt.Errorf("view %s of nothing: %w", name, errdefs.ErrInvalidArgument)
	}
	id, err := layers.FolderID(name, fs.ForContainer)
	if err != nil {
		return err
	}
	row := layers.Row{Info: fs.Info{Name: name, Parent: parent, State: fs.Staged, ID: id, Size: -1,
		Created: time.Now().UTC()}}
	return d.Make(row, fs.View, func() error {
		if d.mounted == nil {
			return d.disk.Mkdir(d.place(row), 0o755)
		}
		return d.create(ctx, row, fs.PrepareOptions{Purpose: fs.ForContainer})
	})
}

// Mounts implements fs.Driver.
func (d *Driver) Mounts(ctx context.Context, name string) (string, []mount.Mount, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return "", nil, err
	}
	if err := d.settled(ctx, row); err != nil {
		return "", nil, fmt.Errorf("layer %s is not on the disk: %w", name, err)
	}
	at := d.place(row)
	switch {
	case row.State == fs.Committed:
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	case d.mounted != nil:
		if err := layers.MountPoint(d.disk, at); err != nil {
			return "", nil, fmt.Errorf("mount layer %s: %w", name, err)
		}
		m := d.mounted.Mount(at)
		m.Target = at
		if row.State == fs.View {
			m.Options = append(m.Options, "ro")
		}
		return at, []mount.Mount{m}, nil
	case row.State == fs.View:
		below, err := d.table.Get(row.Parent)
		if err != nil {
			return "", nil, err
		}
		return at, []mount.Mount{{Type: "bind", Source: d.place(below), Target: at, Options: []string{"bind", "ro"}}}, nil
	}
	return at, nil, nil
}

// Keep implements fs.Driver.
func (d *Driver) Keep(tx fs.Tx, names ...string) error {
	others, err := d.keepCopied(tx, names...)
	if err != nil {
		return err
	}
	if err := d.Syncer.Sync(others...); err != nil {
		return err
	}
	tx.Committed(func() { d.Syncer.End(others...) })
	return d.Content.Keep(tx, names...)
}

// delete deletes the files of a layer.
func (d *Driver) delete(row layers.Row) error {
	at := d.place(row)
	if d.mounted != nil {
		return errors.Join(d.deleteMounted(at), d.disk.RemoveAll(d.recordOf(row)), d.disk.RemoveAll(d.Place.Row(row.ID)))
	}
	if err := mount.Unmount(at); err != nil && os.Geteuid() == 0 {
		return err
	}
	gone, err := layers.Doom(d.disk, at)
	if err != nil {
		return err
	}
	if d.o.Copies {
		d.mu.Lock()
		delete(d.settling, row.ID)
		d.mu.Unlock()
		if err := d.disk.RemoveAll(d.mark(row)); err != nil {
			return err
		}
	}
	return errors.Join(d.remove(gone), d.disk.RemoveAll(d.recordOf(row)), d.disk.RemoveAll(d.Place.Row(row.ID)))
}
