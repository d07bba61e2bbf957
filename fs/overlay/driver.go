// Package overlay is the storage driver overlay, the one before overlay2: overlayfs with one lower folder, for kernels
// that had no more and for those who know their way about in it. A layer of an image is a whole tree, whose files are
// hard links to those of the layer below; a container is an upper folder on one of them. On disk:
//
//	<root>/<id>/root      the tree of an image's layer
//
//	<root>/<id>/lower-id  of a container, and of its -init layer: which layer it stands on
//	<root>/<id>/upper     what it changes
//	<root>/<id>/work      overlayfs's own
//	<root>/<id>/merged    where its root is mounted
//
// and hidden beside these the record from which a layer's exact tar is written again, .tar-split.zst, and .layer.json,
// its row of the table, from which that is made again when it is lost. What is mounted follows the table of layers; the
// file lower-id is there for those who look.
//
// As there is one lower folder only, a container's upper folder begins as a copy of that of its -init layer.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/overlayfs"
	"box/fs/tree"
)

// Name is the name for --storage-driver.
const Name = "overlay"

// Driver is the overlay driver. Open makes one.
type Driver struct {
	layers.Content
	root   string
	table  *layers.Table
	faults []string
	disk   *disk.Disk
	host   overlayfs.Host
}

var (
	_ fs.Driver  = (*Driver)(nil)
	_ fs.Locator = (*Driver)(nil)
	_ fs.Differ  = (*Driver)(nil)
	_ fs.Checker = (*Driver)(nil)
	_ fs.Sweeper = (*Driver)(nil)
)

// Probe tells whether the driver works on the folder dir, in which nothing stays.
func Probe(dir string) error {
	_, err := overlayfs.Probe(dir, Name, 1)
	return err
}

// CheckOptions refuses all options, since the driver has none.
func CheckOptions(opts []string) error {
	if len(opts) > 0 {
		return fmt.Errorf("storage option %s is not known to overlay: %w", opts[0], errdefs.ErrInvalidArgument)
	}
	return nil
}

// Open opens the driver on the folder root, which it makes where it is missing. Where overlayfs does not work on it
// the error is errdefs.ErrNotImplemented. Orphans are out of the way when it returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	if err := CheckOptions(opts); err != nil {
		return nil, err
	}
	if err := dd.MkdirAll(root, 0o710); err != nil {
		return nil, fmt.Errorf("open overlay: %w", err)
	}
	h, err := overlayfs.Probe(root, Name, 1)
	if err != nil {
		return nil, err
	}
	d := &Driver{root: root, host: h, disk: dd}
	if d.table, err = layers.Open(db, Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.files, Record: d.recordOf, Disk: dd, Place: PlaceOf(root, dd),
		Delete: d.remove, Syncer: layers.Syncer{Disk: dd}}
	if d.faults, err = d.check(); err != nil {
		return nil, err
	}
	orphans, err := d.table.Sweep(dd, root, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	d.Begin(ctx, func(ctx context.Context) error {
		return errors.Join(layers.Delete(ctx, orphans, d.delete), d.Place.Complete(d.table))
	})
	return d, nil
}

// delete unmounts and deletes a layer's folder. Without the unmount it would delete through the mount.
func (d *Driver) delete(dir string) error {
	if err := mount.Unmount(filepath.Join(dir, "merged")); err != nil {
		return err
	}
	return d.disk.RemoveAll(dir)
}

// Name implements fs.Driver.
func (d *Driver) Name() string { return Name }

// Status implements fs.Driver.
func (d *Driver) Status() [][2]string {
	return [][2]string{
		{"Backing Filesystem", d.host.Backing},
		{"Supports d_type", "true"}, // Open refuses without
	}
}

func (d *Driver) dir(row layers.Row) string { return filepath.Join(d.root, row.ID) }
func (d *Driver) recordOf(row layers.Row) string {
	return filepath.Join(d.root, row.ID, ".tar-split.zst")
}

// files returns the folder of a layer's own files.
func (d *Driver) files(row layers.Row) string {
	if isTree(row) {
		return filepath.Join(d.root, row.ID, "root")
	}
	return filepath.Join(d.root, row.ID, "upper")
}

// isTree tells whether a layer is a whole tree: an image's, whose folder has a name of its own, or one on nothing.
func isTree(row layers.Row) bool { return row.ID != row.Name || row.Parent == "" }

// stack returns a layer and those below it that belong to its root, top first: the last one is a tree.
func (d *Driver) stack(name string) ([]layers.Row, error) {
	var rows []layers.Row
	for {
		row, err := d.table.Get(name)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		if isTree(row) {
			return rows, nil
		}
		name = row.Parent
	}
}

// Usage implements fs.Driver. Files that a layer shares with the one below, by hard links or as the copy of its -init
// layer, are not its own.
func (d *Driver) Usage(ctx context.Context, name string) (fs.Usage, error) {
	rows, err := d.stack(name)
	if err != nil {
		return fs.Usage{}, err
	}
	row := rows[0]
	switch {
	case !isTree(row):
		_, usage, err := d.upper(rows).Changes(ctx)
		return usage, err
	case row.Parent == "":
		return tree.Measure(ctx, d.files(row))
	}
	below, err := d.table.Get(row.Parent)
	if err != nil {
		return fs.Usage{}, err
	}
	return tree.MeasureBeside(ctx, d.files(row), d.files(below))
}

// Folders implements fs.Locator.
func (d *Driver) Folders(_ context.Context, name string) (map[string]string, error) {
	rows, err := d.stack(name)
	if err != nil {
		return nil, err
	}
	if isTree(rows[0]) {
		return map[string]string{"RootDir": d.files(rows[0])}, nil
	}
	return map[string]string{
		"LowerDir":  d.files(rows[len(rows)-1]),
		"UpperDir":  d.files(rows[0]),
		"WorkDir":   filepath.Join(d.dir(rows[0]), "work"),
		"MergedDir": filepath.Join(d.dir(rows[0]), "merged"),
	}, nil
}
