// Package vfs is the storage driver that works anywhere: every layer is a whole copy of the one below with its own
// changes, sharing blocks with it where the file system can. On disk:
//
//	<root>/dir/<id>        a layer; a container's is its root, with nothing to mount
//	<root>/tar-split/<id>  the record from which a layer's exact tar is written again
//	<root>/rows/<id>       its row of the table, from which that is made again when it is lost
package vfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/tree"
)

// Name is the name for --storage-driver.
const Name = "vfs"

// Driver is the vfs driver. Open makes one.
type Driver struct {
	layers.Content
	root   string
	table  *layers.Table
	place  layers.Place
	faults []string
	disk   *disk.Disk
	sync   layers.Syncer
	cancel context.CancelFunc
	sweeps sync.WaitGroup
	swept  error // of the sweep; read by Close
}

var (
	_ fs.Driver  = (*Driver)(nil)
	_ fs.Differ  = (*Driver)(nil)
	_ fs.Checker = (*Driver)(nil)
)

// CheckOptions refuses all options, since the driver has none.
func CheckOptions(opts []string) error {
	if len(opts) > 0 {
		return fmt.Errorf("storage option %s is not known to vfs: %w", opts[0], errdefs.ErrInvalidArgument)
	}
	return nil
}

// Open opens the driver on the folder root, which it makes where it is missing. Orphans are out of the way when it
// returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	if err := CheckOptions(opts); err != nil {
		return nil, err
	}
	d := &Driver{root: root, disk: dd, sync: layers.Syncer{Disk: dd}}
	for _, dir := range []string{d.folders(), d.records(), d.rows()} {
		if err := dd.MkdirAll(dir, 0o710); err != nil {
			return nil, fmt.Errorf("open vfs: %w", err)
		}
	}
	var err error
	if d.table, err = layers.Open(db, Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.dir, Record: d.recordOf, Disk: dd}
	d.place = PlaceOf(root, dd)
	gone, err := d.table.Missing(d.folders())
	if err != nil {
		return nil, err
	}
	for _, row := range gone {
		d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: %s is not there", row.Name, d.dir(row)))
	}
	none := func(string) bool { return false }
	orphans, err := d.table.Sweep(dd, d.folders(), none)
	if err != nil {
		return nil, err
	}
	records, err := d.table.Sweep(dd, d.records(), none)
	if err != nil {
		return nil, err
	}
	rows, err := d.table.Sweep(dd, d.rows(), none)
	if err != nil {
		return nil, err
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.sweeps.Go(func() {
		d.swept = errors.Join(layers.Delete(ctx, slices.Concat(orphans, records, rows), d.remove), d.place.Complete(d.table))
	})
	return d, nil
}

// remove unmounts and deletes a layer's folder. A view is a mount of what it shows.
func (d *Driver) remove(path string) error {
	if err := mount.Unmount(path); err != nil && os.Geteuid() == 0 {
		return err
	}
	return d.disk.RemoveAll(path)
}

func (d *Driver) folders() string                { return filepath.Join(d.root, "dir") }
func (d *Driver) records() string                { return filepath.Join(d.root, "tar-split") }
func (d *Driver) dir(row layers.Row) string      { return filepath.Join(d.folders(), row.ID) }
func (d *Driver) recordOf(row layers.Row) string { return filepath.Join(d.records(), row.ID) }

func (d *Driver) rows() string { return filepath.Join(d.root, "rows") }

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: Name, Dir: filepath.Join(root, "dir"), Disk: d,
		Row:   func(id string) string { return filepath.Join(root, "rows", id) },
		Other: func(string) bool { return false },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// Name implements fs.Driver.
func (d *Driver) Name() string { return Name }

// Status implements fs.Driver.
func (d *Driver) Status() [][2]string { return nil }

// Prepare implements fs.Driver.
func (d *Driver) Prepare(ctx context.Context, name, parent string, o fs.PrepareOptions) error {
	if o.Quota != 0 {
		return fmt.Errorf("limit the size of layer %s: vfs has no quotas here: %w", name, errdefs.ErrNotImplemented)
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

// create makes a layer's folder as a copy of the one below.
func (d *Driver) create(ctx context.Context, row layers.Row) error {
	if err := d.sync.Start(row.Name, d.folders()); err != nil {
		return err
	}
	if _, gid := (fs.IDMaps{GIDs: row.GIDs}).Root(); gid != 0 { // a container's root goes through these
		if err := errors.Join(os.Chown(d.root, 0, gid), os.Chown(d.folders(), 0, gid)); err != nil {
			return err
		}
	}
	if row.Parent != "" {
		below, err := d.table.Get(row.Parent)
		if err != nil {
			return err
		}
		return d.copyLayer(ctx, d.dir(below), d.dir(row))
	}
	if err := d.disk.Mkdir(d.dir(row), 0o700); err != nil {
		return err
	}
	if os.Geteuid() == 0 && len(row.UIDs) > 0 && len(row.GIDs) > 0 {
		if err := os.Chown(d.dir(row), row.UIDs[0].Host, row.GIDs[0].Host); err != nil {
			return err
		}
	}
	return os.Chmod(d.dir(row), 0o755)
}

// copyLayer makes the folder to a copy of from.
func (d *Driver) copyLayer(ctx context.Context, from, to string) error {
	if err := d.disk.Mkdir(to, 0o700); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := tree.Copy(ctx, d.disk, src, dst); err != nil {
		return fmt.Errorf("copy layer: %w", err)
	}
	return nil
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

// Close implements fs.Driver.
func (d *Driver) Close() error {
	d.cancel()
	d.sweeps.Wait()
	d.sync.Close()
	return d.swept
}
