package overlay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/overlayfs"
	"box/fs/tree"
)

// Prepare implements fs.Driver.
func (d *Driver) Prepare(ctx context.Context, name, parent string, o fs.PrepareOptions) error {
	if o.Quota != 0 {
		return fmt.Errorf("limit the size of layer %s: --storage-opt is not supported for overlay: %w", name,
			errdefs.ErrNotImplemented)
	}
	row, err := layers.NewRow(name, parent, o)
	if err != nil {
		return err
	}
	return d.Make(row, layers.Kept(o), func() error { return d.create(ctx, row) })
}

// View implements fs.Driver.
func (d *Driver) View(ctx context.Context, name, parent string) error {
	row, err := layers.NewView(name, parent)
	if err != nil {
		return err
	}
	return d.Make(row, fs.View, func() error { return d.create(ctx, row) })
}

// create makes the folders of a layer. It also repairs a container's whose folders were lost in a power failure after
// its row was written: existing ones stay.
func (d *Driver) create(ctx context.Context, row layers.Row) error {
	ids := fs.IDMaps{UIDs: row.UIDs, GIDs: row.GIDs}
	if err := layers.MakeOuter(d.disk, d.root, d.dir(row), ids); err != nil {
		return err
	}
	var below layers.Row
	if row.Parent != "" {
		var err error
		if below, err = d.table.Get(row.Parent); err != nil {
			return err
		}
	}
	if isTree(row) {
		return d.createTree(ctx, row, below, ids)
	}
	made, err := layers.MakeFolder(d.disk, d.files(row), d.files(below), ids)
	if err == nil && made && !isTree(below) {
		err = copyTree(ctx, tree.Copy, d.disk, d.files(below), d.files(row))
	}
	for _, name := range []string{"work", "merged"} {
		err = errors.Join(err, layers.Mkdir(d.disk, filepath.Join(d.dir(row), name), 0o700))
	}
	if err != nil {
		return err
	}
	rows, err := d.stack(row.Name)
	if err != nil {
		return err
	}
	return d.disk.WriteFile(filepath.Join(d.dir(row), "lower-id"), []byte(rows[len(rows)-1].ID), 0o600)
}

// createTree makes the tree of an image's layer, of links to the files below.
func (d *Driver) createTree(ctx context.Context, row, below layers.Row, ids fs.IDMaps) error {
	if row.ID != row.Name { // not a container's
		if err := d.Syncer.Start(row.Name, d.dir(row)); err != nil {
			return err
		}
	}
	if row.Parent == "" {
		_, err := layers.MakeFolder(d.disk, d.files(row), "", ids)
		return err
	}
	if !isTree(below) {
		return fmt.Errorf("on container %s: it is no layer of an image: %w", below.Name, errdefs.ErrFailedPrecondition)
	}
	if err := d.disk.Mkdir(d.files(row), 0o700); err != nil {
		return err
	}
	return copyTree(ctx, tree.Link, d.disk, d.files(below), d.files(row))
}

func copyTree(ctx context.Context, by func(context.Context, *disk.Disk, *os.File, *os.File) (int, error), d *disk.Disk,
	from, to string) error {
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
	_, err = by(ctx, d, src, dst)
	return err
}

// Mounts implements fs.Driver.
func (d *Driver) Mounts(ctx context.Context, name string) (string, []mount.Mount, error) {
	rows, err := d.stack(name)
	if err != nil {
		return "", nil, err
	}
	row := rows[0]
	switch {
	case row.State == fs.Committed:
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	case isTree(row):
		return d.files(row), nil, nil
	}
	merged := filepath.Join(d.dir(row), "merged")
	if _, err := os.Stat(merged); err != nil {
		if err := d.create(ctx, row); err != nil {
			return "", nil, fmt.Errorf("repair layer %s: %w", name, err)
		}
	}
	lower := rows[len(rows)-1].ID + "/root"
	s := overlayfs.Stack{Lowers: []string{lower}, Upper: row.ID + "/upper", Work: row.ID + "/work"}
	if row.State == fs.View {
		s = overlayfs.Stack{Lowers: []string{row.ID + "/upper", lower}}
	}
	return merged, []mount.Mount{d.host.Mount(d.root, s, merged)}, nil
}

// remove deletes the files of a layer.
func (d *Driver) remove(row layers.Row) error {
	gone, err := layers.Doom(d.disk, d.dir(row))
	if err != nil {
		return err
	}
	return d.delete(gone)
}
