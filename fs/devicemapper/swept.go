package devicemapper

import (
	"context"
	"os"
	"time"

	"box/fs/layers"
)

// Swept implements fs.Sweeper: it waits until all devices of layers have a row.
func (d *Driver) Swept(ctx context.Context) error {
	for {
		orphans, err := d.orphans()
		if err != nil || orphans == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(firstTry):
		}
	}
}

// orphans counts the files of devices that have no row.
func (d *Driver) orphans() (n int, err error) {
	known := map[string]bool{baseID: true}
	if err := d.table.Walk(func(row layers.Row) error { known[row.ID] = true; return nil }); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(d.files())
	for _, e := range entries {
		if !known[e.Name()] {
			n++
		}
	}
	return n, err
}
