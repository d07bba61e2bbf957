// Package vfs is the storage driver that works anywhere: every layer is a whole copy of the one below with its own
// changes, sharing blocks with it where the file system can. The layers are in <root>/dir.
package vfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/go-units"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/quota"
	"box/fs/snapshots"
	"box/fs/tree"
)

// Name is the name for --storage-driver.
const Name = "vfs"

const folder = "dir"

// Driver is the vfs driver. Open makes one.
type Driver struct {
	*snapshots.Driver
	quota *quota.Projects
	size  int64 // limit of containers that have none of their own
}

// CheckOptions refuses unknown options and sizes that are none.
func CheckOptions(opts []string) error {
	_, err := sizeIn(opts)
	return err
}

// sizeIn returns the limit of containers in options.
func sizeIn(opts []string) (size int64, err error) {
	for _, o := range opts {
		key, value, _ := strings.Cut(o, "=")
		if !strings.EqualFold(key, "size") {
			return 0, fmt.Errorf("storage option %s is not known to vfs: %w", key, errdefs.ErrInvalidArgument)
		}
		if size, err = units.RAMInBytes(value); err != nil || size < 0 {
			return 0, fmt.Errorf("storage option %s: %q is no size: %w", key, value, errdefs.ErrInvalidArgument)
		}
	}
	return size, nil
}

// Open opens the driver on the folder root, which it makes where it is missing. Orphans are out of the way when it
// returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	size, err := sizeIn(opts)
	if err != nil {
		return nil, err
	}
	projects := quota.In(filepath.Join(root, folder), dd)
	d, err := snapshots.Open(ctx, db, snapshots.Options{Name: Name, Root: root, Folder: folder,
		Trees: copies{dd, projects}, Copies: true, Disk: dd})
	if err != nil {
		return nil, err
	}
	if size > 0 {
		if err := projects.Supported(); err != nil {
			return nil, errors.Join(fmt.Errorf("storage option size=%d: %v: %w", size, err,
				errdefs.ErrFailedPrecondition), d.Close())
		}
	}
	return &Driver{d, projects, size}, nil
}

// Prepare implements fs.Driver. A limit is of the whole tree, the copy of the layer below included.
func (d *Driver) Prepare(ctx context.Context, name, parent string, o fs.PrepareOptions) error {
	if o.Quota == 0 && o.Purpose == fs.ForContainer {
		o.Quota = d.size
	}
	if o.Quota > 0 { // before anything is copied
		if err := d.quota.Supported(); err != nil {
			return fmt.Errorf("limit the size of layer %s: %w", name, err)
		}
	}
	return d.Driver.Prepare(ctx, name, parent, o)
}

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place { return snapshots.PlaceOf(Name, root, folder, d) }

// copies are trees that are folders.
type copies struct {
	disk  *disk.Disk
	quota *quota.Projects
}

// Limit implements snapshots.Limiter.
func (c copies) Limit(path string, bytes int64) error {
	return c.quota.Limit(context.Background(), path, bytes)
}

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
func (c copies) Delete(path string) error {
	if err := c.quota.Lift(path); err != nil {
		return err
	}
	return c.disk.RemoveAll(path)
}
