package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"box/fs/disk"
)

// SyncApart is Sync for drivers whose layers are file systems of their own: the records of tars are in another one.
func (c *Content) SyncApart(ctx context.Context, names ...string) error {
	errs := []error{c.Sync(ctx, names...)}
	folders := map[string]bool{}
	for _, name := range names {
		row, err := c.Table.Get(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		path := c.Record(row)
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // a container's
		}
		if err == nil {
			folders[filepath.Dir(path)] = true
			err = errors.Join(c.Disk.Sync(f), f.Close())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sync record of layer %s: %w", name, err))
		}
	}
	for dir := range folders {
		errs = append(errs, c.Disk.SyncFolder(dir))
	}
	return errors.Join(errs...)
}

// MountPoint makes the folder that a layer is mounted on, if it was lost in a power failure: its name is not synced.
func MountPoint(d *disk.Disk, path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := d.Mkdir(path, 0o755); !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
