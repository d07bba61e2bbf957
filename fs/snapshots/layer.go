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
		UIDs: o.UIDs, GIDs: o.GIDs}
	if err := d.table.Stage(row); err != nil {
		return err
	}
	err = d.create(ctx, row)
	if err == nil && o.Quota != 0 {
		err = d.o.Trees.(Limiter).Limit(d.dir(row), o.Quota)
	}
	if err == nil && o.Purpose == fs.ForContainer && !o.Deferred {
		// A copy has content, which has to be on disk before its row.
		if err = d.sync.Sync(name); err == nil {
			err = d.keepNow(fs.Active, name)
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("prepare layer %s: %w", name, err), d.discard(row))
	}
	if o.Purpose == fs.ForContainer && !o.Deferred {
		d.sync.End(name)
	}
	return nil
}

// create makes a layer's tree from the one below.
func (d *Driver) create(ctx context.Context, row layers.Row) error {
	if err := d.sync.Start(row.Name, d.folders()); err != nil {
		return err
	}
	if _, gid := (fs.IDMaps{GIDs: row.GIDs}).Root(); gid != 0 { // a container's root goes through these
		if err := errors.Join(os.Chown(d.o.Root, 0, gid), os.Chown(d.folders(), 0, gid)); err != nil {
			return err
		}
	}
	if row.Parent != "" {
		below, err := d.table.Get(row.Parent)
		if err != nil {
			return err
		}
		return d.o.Trees.Clone(ctx, d.dir(below), d.dir(row))
	}
	if err := d.o.Trees.Make(d.dir(row)); err != nil {
		return err
	}
	if os.Geteuid() == 0 && len(row.UIDs) > 0 && len(row.GIDs) > 0 {
		if err := os.Chown(d.dir(row), row.UIDs[0].Host, row.GIDs[0].Host); err != nil {
			return err
		}
	}
	return os.Chmod(d.dir(row), 0o755)
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
	if err := d.table.Stage(row); err != nil {
		return err
	}
	if err = d.disk.Mkdir(d.dir(row), 0o755); err == nil {
		err = d.keepNow(fs.View, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("view layer %s: %w", parent, err), d.discard(row))
	}
	return nil
}

// Mounts implements fs.Driver.
func (d *Driver) Mounts(_ context.Context, name string) (string, []mount.Mount, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return "", nil, err
	}
	switch row.State {
	case fs.Committed:
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	case fs.View:
		below, err := d.table.Get(row.Parent)
		if err != nil {
			return "", nil, err
		}
		return d.dir(row), []mount.Mount{{Type: "bind", Source: d.dir(below), Target: d.dir(row),
			Options: []string{"bind", "ro"}}}, nil
	}
	return d.dir(row), nil, nil
}

// Sync implements fs.Driver.
func (d *Driver) Sync(_ context.Context, names ...string) error { return d.sync.Sync(names...) }

// Commit implements fs.Driver.
func (d *Driver) Commit(tx fs.Tx, commits ...fs.Commit) error {
	rows, err := d.table.Commit(tx, commits...)
	err = errors.Join(err, d.place.WriteBeside(rows...))
	tx.Committed(func() {
		for _, c := range commits {
			d.sync.End(c.Staged)
		}
	})
	return err
}

// Keep implements fs.Driver.
func (d *Driver) Keep(tx fs.Tx, names ...string) error {
	if err := d.sync.Sync(names...); err != nil {
		return err
	}
	tx.Committed(func() { d.sync.End(names...) })
	rows, err := d.table.Keep(tx, fs.Active, names...)
	return errors.Join(err, d.place.WriteBeside(rows...))
}

func (d *Driver) keepNow(state fs.State, name string) error {
	rows, err := d.table.KeepNow(state, name)
	_ = d.place.WriteBeside(rows...) // Open does it else
	return err
}

// Forget implements fs.Driver.
func (d *Driver) Forget(tx fs.Tx, names ...string) error { return d.table.Forget(tx, names...) }

// Remove implements fs.Driver.
func (d *Driver) Remove(_ context.Context, name string) error {
	row, ok, err := d.table.Take(name)
	if err != nil || !ok {
		return err
	}
	return d.discard(row)
}

// discard deletes the files of a layer without a row and releases its name. What cannot be deleted is an orphan.
func (d *Driver) discard(row layers.Row) error {
	defer d.table.Release(row.Name)
	d.sync.End(row.Name)
	if err := mount.Unmount(d.dir(row)); err != nil && os.Geteuid() == 0 {
		return err
	}
	gone, err := layers.Doom(d.disk, d.dir(row))
	if err != nil {
		return err
	}
	err = errors.Join(d.remove(gone), d.disk.RemoveAll(d.recordOf(row)), d.disk.RemoveAll(d.place.Row(row.ID)))
	if err != nil {
		return fmt.Errorf("delete layer %s: %w", row.Name, err)
	}
	return nil
}
