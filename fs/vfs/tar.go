package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/archive"
	"box/fs/layers"
)

// Apply implements fs.Driver.
func (d *Driver) Apply(ctx context.Context, name string, tar io.Reader) (int64, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return 0, err
	}
	if row.State != fs.Staged {
		return 0, fmt.Errorf("fill layer %s: it is not being made: %w", name, errdefs.ErrFailedPrecondition)
	}
	record, err := os.OpenFile(d.recordOf(row), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("fill layer %s: %w", name, err)
	}
	size, err := archive.Apply(ctx, d.dir(row), tar, archive.Options{UIDs: row.UIDs, GIDs: row.GIDs, Record: record})
	return size, errors.Join(err, record.Close())
}

// Tar implements fs.Driver.
func (d *Driver) Tar(_ context.Context, name string, w io.Writer) error {
	row, record, err := d.record(name)
	if err != nil {
		return err
	}
	defer record.Close()
	return archive.Rebuild(w, d.dir(row), record)
}

// TarSize implements fs.Driver.
func (d *Driver) TarSize(_ context.Context, name string) (int64, error) {
	_, record, err := d.record(name)
	if err != nil {
		return 0, err
	}
	defer record.Close()
	return archive.RebuildSize(record)
}

// record opens the record of a layer's tar.
func (d *Driver) record(name string) (layers.Row, *os.File, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return row, nil, err
	}
	f, err := os.Open(d.recordOf(row))
	if err != nil {
		return row, nil, fmt.Errorf("layer %s has no record of its tar: %w: %w", name, err, errdefs.ErrFailedPrecondition)
	}
	return row, f, nil
}
