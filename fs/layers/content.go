package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/archive"
	"box/fs/disk"
	"box/fs/tree"
)

// Content implements the methods of fs.Driver that all drivers with folders as layers share. They embed it.
type Content struct {
	Table     *Table
	Files     func(Row) string  // folder that an archive fills
	Record    func(Row) string  // file that holds the record of the layer's tar
	Whiteouts archive.Whiteouts // in Files
	Disk      *disk.Disk        // where they are written; nil for the kernel
	Place     Place             // where rows are beside the layers
	Delete    func(Row) error   // deletes the files of a layer, which has no row
	Syncer    Syncer
	Background
}

// Stat implements fs.Driver.
func (c *Content) Stat(_ context.Context, name string) (fs.Info, error) {
	row, err := c.Table.Get(name)
	return row.Info, err
}

// Walk implements fs.Driver.
func (c *Content) Walk(ctx context.Context, fn func(fs.Info) error) error {
	return c.Table.Walk(func(r Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fn(r.Info)
	})
}

// Usage implements fs.Driver.
func (c *Content) Usage(ctx context.Context, name string) (fs.Usage, error) {
	row, err := c.Table.Get(name)
	if err != nil {
		return fs.Usage{}, err
	}
	return tree.Measure(ctx, c.Files(row))
}

// Apply implements fs.Driver.
func (c *Content) Apply(ctx context.Context, name string, tar io.Reader) (int64, error) {
	row, err := c.Table.Get(name)
	if err != nil {
		return 0, err
	}
	if row.State != fs.Staged {
		return 0, fmt.Errorf("fill layer %s: it is not being made: %w", name, errdefs.ErrFailedPrecondition)
	}
	record, err := c.Disk.Create(c.Record(row), os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("fill layer %s: %w", name, err)
	}
	size, err := archive.Apply(ctx, c.Files(row), tar, archive.Options{
		Whiteouts: c.Whiteouts, UIDs: row.UIDs, GIDs: row.GIDs, Record: c.Disk.Writer(record), Disk: c.Disk,
	})
	return size, errors.Join(err, record.Close())
}

// Tar implements fs.Driver.
func (c *Content) Tar(_ context.Context, name string, w io.Writer) error {
	row, record, err := c.recorded(name)
	if err != nil {
		return err
	}
	defer record.Close()
	return archive.Rebuild(w, c.Files(row), record)
}

// TarSize implements fs.Driver.
func (c *Content) TarSize(_ context.Context, name string) (int64, error) {
	_, record, err := c.recorded(name)
	if err != nil {
		return 0, err
	}
	defer record.Close()
	return archive.RebuildSize(record)
}

// recorded opens the record of a layer's tar.
func (c *Content) recorded(name string) (Row, *os.File, error) {
	row, err := c.Table.Get(name)
	if err != nil {
		return row, nil, err
	}
	f, err := os.Open(c.Record(row))
	if err != nil {
		return row, nil, fmt.Errorf("layer %s has no record of its tar: %w: %w", name, err, errdefs.ErrFailedPrecondition)
	}
	return row, f, nil
}
