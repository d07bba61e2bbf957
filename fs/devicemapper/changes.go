package devicemapper

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/archive"
	"box/fs/layers"
)

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) (changes []fs.Change, err error) {
	err = d.both(name, func(below, row layers.Row) error {
		changes, err = archive.Compare(ctx, d.dir(below), d.dir(row), nil)
		return err
	})
	return changes, err
}

// Usage implements fs.Driver: what differs from the layer below, since the device has that too.
func (d *Driver) Usage(ctx context.Context, name string) (u fs.Usage, err error) {
	row, err := d.table.Get(name)
	if err != nil {
		return u, err
	}
	if row.Parent == "" || row.State == fs.View {
		err = d.within(name, func() (err error) {
			u, err = d.Content.Usage(ctx, name)
			return err
		})
		return u, err
	}
	err = d.both(name, func(below, row layers.Row) error {
		changes, err := archive.Compare(ctx, d.dir(below), d.dir(row), nil)
		if err != nil {
			return err
		}
		u, err = archive.MeasureChanges(d.dir(row), changes)
		return err
	})
	return u, err
}

// Diff implements fs.Differ.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	return d.both(name, func(below, row layers.Row) error {
		changes, err := archive.Compare(ctx, d.dir(below), d.dir(row), nil)
		if err != nil {
			return err
		}
		p := archive.NewPacker(w, archive.PackOptions{Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
		if err := p.PackChanges(ctx, d.dir(row), changes); err != nil {
			return fmt.Errorf("pack layer %s: %w", name, err)
		}
		return p.Close()
	})
}

// both calls do while the devices of a layer and of the one below are held.
func (d *Driver) both(name string, do func(below, row layers.Row) error) error {
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
	return d.within(below.Name, func() error {
		return d.within(name, func() error { return do(below, row) })
	})
}
