// Package vfs is the storage driver that works anywhere: every layer is a whole copy of the one below with its own
// changes, sharing blocks with it where the file system can. The layers are in <root>/dir.
package vfs

import (
	"context"
	"fmt"
	"os"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/snapshots"
	"box/fs/tree"
)

// Name is the name for --storage-driver.
const Name = "vfs"

// CheckOptions refuses all options, since the driver has none.
func CheckOptions(opts []string) error {
	if len(opts) > 0 {
		return fmt.Errorf("storage option %s is not known to vfs: %w", opts[0], errdefs.ErrInvalidArgument)
	}
	return nil
}

// Open opens the driver on the folder root, which it makes where it is missing. Orphans are out of the way when it
// returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*snapshots.Driver, error) {
	if err := CheckOptions(opts); err != nil {
		return nil, err
	}
	return snapshots.Open(ctx, db, snapshots.Options{Name: Name, Root: root, Folder: "dir", Trees: copies{dd}, Disk: dd})
}

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place { return snapshots.PlaceOf(Name, root, "dir", d) }

// copies are trees that are folders.
type copies struct{ disk *disk.Disk }

// Make implements snapshots.Trees.
func (c copies) Make(path string) error { return c.disk.Mkdir(path, 0o700) }

// Clone implements snapshots.Trees.
func (c copies) Clone(ctx context.Context, from, to string) error {
	if err := c.disk.Mkdir(to, 0o700); err != nil {
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
	if _, err := tree.Copy(ctx, c.disk, src, dst); err != nil {
		return fmt.Errorf("copy layer: %w", err)
	}
	return nil
}

// Delete implements snapshots.Trees.
func (c copies) Delete(path string) error { return c.disk.RemoveAll(path) }
