package snapshots

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
	"box/fs/layers"
)

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) (changes []fs.Change, err error) {
	err = d.compared(ctx, name, func(_ layers.Row, list []fs.Change) error {
		changes = list
		return nil
	})
	return changes, err
}

// compared calls do with the changes of a layer while its files are seen.
func (d *Driver) compared(ctx context.Context, name string, do func(layers.Row, []fs.Change) error) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	if row.Parent == "" {
		return fmt.Errorf("layer %s stands on nothing: %w", name, errdefs.ErrFailedPrecondition)
	}
	below, err := d.table.Get(row.Parent)
	if err != nil {
		return err
	}
	return d.within(below, func() error {
		return d.within(row, func() error {
			changes, err := d.compare(ctx, d.dir(below), d.dir(row))
			if err != nil {
				return fmt.Errorf("compare layer %s: %w", name, err)
			}
			return do(row, changes)
		})
	})
}

// walked is how many folders are walked through before it is asked which of them have changed: that makes the file
// system write out, which takes as long.
const walked = 200

func (d *Driver) compare(ctx context.Context, before, now string) ([]fs.Change, error) {
	t, ok := d.o.Trees.(Tracker)
	if !ok {
		return archive.Compare(ctx, before, now, nil)
	}
	var same func(*unix.Stat_t) bool
	var failed error
	seen := 0
	changes, err := archive.Compare(ctx, before, now, func(folder *unix.Stat_t) bool {
		if seen++; seen == walked {
			same, failed = t.Unchanged(ctx, before, now)
		}
		return same != nil && same(folder)
	})
	return changes, errors.Join(err, failed)
}

// Usage implements fs.Driver: what differs from the layer below, since the folder has that too.
func (d *Driver) Usage(ctx context.Context, name string) (u fs.Usage, err error) {
	row, err := d.table.Get(name)
	if err != nil {
		return u, err
	}
	if row.Parent == "" || row.State == fs.View {
		err = d.within(row, func() (err error) {
			u, err = d.Content.Usage(ctx, name)
			return err
		})
		return u, err
	}
	err = d.compared(ctx, name, func(row layers.Row, changes []fs.Change) (err error) {
		u, err = archive.MeasureChanges(d.dir(row), changes)
		return err
	})
	return u, err
}

// Diff implements fs.Differ.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	return d.compared(ctx, name, func(row layers.Row, changes []fs.Change) error {
		p := archive.NewPacker(w, archive.PackOptions{Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
		if err := p.PackChanges(ctx, d.dir(row), changes); err != nil {
			return fmt.Errorf("pack layer %s: %w", name, err)
		}
		return p.Close()
	})
}
