package snapshots

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return nil, err
	}
	if row.Parent == "" {
		return nil, fmt.Errorf("layer %s stands on nothing: %w", name, errdefs.ErrFailedPrecondition)
	}
	below, err := d.table.Get(row.Parent)
	if err != nil {
		return nil, err
	}
	before, now := d.dir(below), d.dir(row)
	var same func(*unix.Stat_t) bool
	if t, ok := d.o.Trees.(Tracker); ok {
		if same, err = t.Unchanged(ctx, before, now); err != nil {
			return nil, fmt.Errorf("compare layer %s: %w", name, err)
		}
	}
	return archive.Compare(ctx, before, now, same)
}

// Usage implements fs.Driver: what differs from the layer below, since the folder has that too.
func (d *Driver) Usage(ctx context.Context, name string) (fs.Usage, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return fs.Usage{}, err
	}
	if row.Parent == "" || row.State == fs.View {
		return d.Content.Usage(ctx, name)
	}
	changes, err := d.Changes(ctx, name)
	if err != nil {
		return fs.Usage{}, err
	}
	return archive.MeasureChanges(d.dir(row), changes)
}

// Diff implements fs.Differ.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	changes, err := d.Changes(ctx, name)
	if err != nil {
		return err
	}
	p := archive.NewPacker(w, archive.PackOptions{Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
	if err := p.PackChanges(ctx, d.dir(row), changes); err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	return p.Close()
}
