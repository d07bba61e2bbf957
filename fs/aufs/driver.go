// Package aufs is the storage driver aufs, for kernels that have that file system: layers are branches that it stacks.
// On disk it looks as Docker's aufs does:
//
//	<root>/diff/<id>    what the layer holds: a branch, with the marks of aufs for what it deletes
//	<root>/layers/<id>  the folders of the layers below, one a line, the nearest first
//	<root>/mnt/<id>     where a container's root is mounted
//
// and hidden beside these .rows/<id>, the layer's row of the table, from which that is made again when it is lost, and
// .tar-split/<id>, the record from which its exact tar is written again. What is mounted follows the table of layers;
// the files in layers are there for those who look.
//
// Names of one file of an image part when a container has written to it and is unmounted: aufs would want the program
// auplink for that, and overlayfs parts them at once.
package aufs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/archive"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
)

// Name is the name for --storage-driver.
const Name = "aufs"

// Driver is the aufs driver. Open makes one.
type Driver struct {
	layers.Stack
	root   string
	table  *layers.Table
	disk   *disk.Disk
	host   host
	faults []string
}

var (
	_ fs.Driver  = (*Driver)(nil)
	_ fs.Rebaser = (*Driver)(nil)
	_ fs.Differ  = (*Driver)(nil)
	_ fs.Checker = (*Driver)(nil)
	_ fs.Sweeper = (*Driver)(nil)
)

// CheckOptions refuses all options, since the driver has none.
func CheckOptions(opts []string) error {
	if len(opts) > 0 {
		key, _, _ := strings.Cut(opts[0], "=")
		return fmt.Errorf("storage option %s is not known to aufs: %w", key, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Open opens the driver on the folder root, which it makes where it is missing. Where aufs does not work on it the
// error is errdefs.ErrNotImplemented. Orphans are out of the way when it returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	return openOn(ctx, system{}, root, db, dd, opts)
}

// openOn is Open on a kernel.
func openOn(ctx context.Context, k kernel, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	if err := CheckOptions(opts); err != nil {
		return nil, err
	}
	h, err := probe(k, filepath.Dir(root))
	if err != nil {
		return nil, err
	}
	d := &Driver{root: root, disk: dd, host: h}
	for _, name := range folders() {
		if err := dd.MkdirAll(filepath.Join(root, name), 0o710); err != nil {
			return nil, fmt.Errorf("open aufs: %w", err)
		}
	}
	if d.table, err = layers.Open(db, Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.diff, Record: d.recordOf, Whiteouts: archive.Aufs, Disk: dd,
		Place: PlaceOf(root, dd), Delete: d.remove, Syncer: layers.Syncer{Disk: dd}}
	gone, err := d.table.Missing(filepath.Join(root, "diff"))
	if err != nil {
		return nil, err
	}
	for _, row := range gone {
		d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: %s is not there", row.Name, d.diff(row)))
	}
	var orphans []string
	for _, name := range folders() {
		more, err := d.table.Sweep(dd, filepath.Join(root, name), func(string) bool { return false })
		if err != nil {
			return nil, err
		}
		orphans = append(orphans, more...)
	}
	d.Begin(ctx, func(ctx context.Context) error {
		return errors.Join(layers.Delete(ctx, orphans, d.delete), d.Place.Complete(d.table))
	})
	return d, nil
}

// folders are those below the root, each with something of every layer. What is mounted comes first in removals.
func folders() []string { return []string{"mnt", "diff", "layers", ".rows", ".tar-split"} }

// delete unmounts and deletes what is left of a layer in one of the folders. Without the unmount it would delete
// through the mount.
func (d *Driver) delete(path string) error {
	if err := mount.Unmount(path); err != nil {
		return err
	}
	return d.disk.RemoveAll(path)
}

// remove deletes the files of a layer.
func (d *Driver) remove(row layers.Row) error {
	if err := mount.Unmount(d.mnt(row)); err != nil {
		return err
	}
	gone, err := layers.Doom(d.disk, d.diff(row))
	if err != nil {
		return err
	}
	errs := []error{d.delete(gone)}
	for _, name := range slices.DeleteFunc(folders(), func(name string) bool { return name == "diff" }) {
		errs = append(errs, d.disk.RemoveAll(d.at(name, row)))
	}
	return errors.Join(errs...)
}

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: Name, Dir: filepath.Join(root, "diff"), Disk: d,
		Row:   func(id string) string { return filepath.Join(root, ".rows", id) },
		Other: func(string) bool { return false },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// Name implements fs.Driver.
func (d *Driver) Name() string { return Name }

// Status implements fs.Driver.
func (d *Driver) Status() [][2]string {
	dirs := 0
	_ = d.table.Walk(func(layers.Row) error { dirs++; return nil }) // what cannot be read is told where it is used
	return [][2]string{
		{"Root Dir", d.root},
		{"Backing Filesystem", d.host.backing},
		{"Dirs", strconv.Itoa(dirs)},
		{"Dirperm1 Supported", strconv.FormatBool(d.host.dirperm)},
	}
}

func (d *Driver) at(folder string, row layers.Row) string {
	return filepath.Join(d.root, folder, row.ID)
}
func (d *Driver) diff(row layers.Row) string     { return d.at("diff", row) }
func (d *Driver) mnt(row layers.Row) string      { return d.at("mnt", row) }
func (d *Driver) recordOf(row layers.Row) string { return d.at(".tar-split", row) }
