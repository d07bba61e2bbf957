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
	keep := layers.Kept(o)
	err = d.Make(row, keep, func() error {
		err := d.create(ctx, row)
		if err == nil && o.Quota != 0 {
			err = d.o.Trees.(Limiter).Limit(d.dir(row), o.Quota)
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
func (d *Driver) create(ctx context.Context, row layers.Row) error {
	if err := d.Syncer.Start(row.Name, d.folders()); err != nil {
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
	return d.Make(row, fs.View, func() error { return d.disk.Mkdir(d.dir(row), 0o755) })
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

// Keep implements fs.Driver.
func (d *Driver) Keep(tx fs.Tx, names ...string) error {
	if err := d.Syncer.Sync(names...); err != nil {
		return err
	}
	tx.Committed(func() { d.Syncer.End(names...) })
	return d.Content.Keep(tx, names...)
}

// delete deletes the files of a layer.
func (d *Driver) delete(row layers.Row) error {
	if err := mount.Unmount(d.dir(row)); err != nil && os.Geteuid() == 0 {
		return err
	}
	gone, err := layers.Doom(d.disk, d.dir(row))
	if err != nil {
		return err
	}
	return errors.Join(d.remove(gone), d.disk.RemoveAll(d.recordOf(row)), d.disk.RemoveAll(d.Place.Row(row.ID)))
}
