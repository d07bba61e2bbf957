package devicemapper

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Sync implements fs.Driver. The records of tars are beside the devices, in another file system than what is in them.
func (d *Driver) Sync(ctx context.Context, names ...string) error {
	errs := []error{d.Content.Sync(ctx, names...)}
	recorded := false
	for _, name := range names {
		row, err := d.table.Get(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f, err := os.Open(d.recordOf(row))
		if errors.Is(err, os.ErrNotExist) {
			continue // a container's
		}
		if err == nil {
			recorded = true
			err = errors.Join(d.disk.Sync(f), f.Close())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sync record of layer %s: %w", name, err))
		}
	}
	if recorded {
		errs = append(errs, d.disk.SyncFolder(d.records()))
	}
	return errors.Join(errs...)
}
