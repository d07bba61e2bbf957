// Package drivers is the table of the storage drivers that this box has, and how one of them is picked.
package drivers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/overlay"
	"box/fs/vfs"
)

// driver is one row of the table.
type driver struct {
	name string
	open func(ctx context.Context, root string, db fs.DB, d *disk.Disk, opts []string) (fs.Driver, error)
}

// table is the compiled-in drivers, in the order in which they are tried when nobody says which.
func table() []driver {
	return []driver{
		{overlay.Name, func(ctx context.Context, root string, db fs.DB, d *disk.Disk, opts []string) (fs.Driver, error) {
			return overlay.Open(ctx, root, db, d, opts)
		}},
		{vfs.Name, func(ctx context.Context, root string, db fs.DB, d *disk.Disk, opts []string) (fs.Driver, error) {
			return vfs.Open(ctx, root, db, d, opts)
		}},
	}
}

// Names lists the drivers in the order in which they are tried.
func Names() []string {
	var names []string
	for _, d := range table() {
		names = append(names, d.name)
	}
	return names
}

// Open opens the driver called name on the folder of that name below root. An empty name picks one: the driver that has layers there
// already, else the first that works. opts are storage options, key=value; those of a driver start with its name.
func Open(ctx context.Context, root, name string, db fs.DB, d *disk.Disk, opts []string) (fs.Driver, error) {
	if name != "" {
		return open(ctx, root, name, db, d, opts)
	}
	used, err := inUse(db)
	if err != nil {
		return nil, err
	}
	switch len(used) {
	case 0:
		return first(ctx, root, db, d, opts)
	case 1:
		return open(ctx, root, used[0], db, d, opts)
	}
	return nil, fmt.Errorf("%s holds layers of several storage drivers: %s: say which with --storage-driver: %w",
		root, strings.Join(used, ", "), errdefs.ErrFailedPrecondition)
}

func open(ctx context.Context, root, name string, db fs.DB, to *disk.Disk, opts []string) (fs.Driver, error) {
	for _, d := range table() {
		if d.name != name {
			continue
		}
		opened, err := d.open(ctx, filepath.Join(root, name), db, to, opts)
		if err != nil {
			return nil, fmt.Errorf("open storage driver %s: %w", name, err)
		}
		return opened, nil
	}
	return nil, fmt.Errorf("storage driver %q is not known: this box has %s: %w", name, strings.Join(Names(), ", "), errdefs.ErrInvalidArgument)
}

// first opens the first driver that works on root.
func first(ctx context.Context, root string, db fs.DB, to *disk.Disk, opts []string) (fs.Driver, error) {
	var tried []error
	for _, d := range table() {
		dir := filepath.Join(root, d.name)
		_, statErr := os.Lstat(dir)
		opened, err := d.open(ctx, dir, db, to, own(opts, d.name))
		if err == nil {
			return opened, nil
		}
		if !errdefs.IsNotImplemented(err) {
			return nil, fmt.Errorf("open storage driver %s: %w", d.name, err)
		}
		tried = append(tried, err)
		if errors.Is(statErr, os.ErrNotExist) {
			os.RemoveAll(dir) // what the try left
		}
	}
	return nil, fmt.Errorf("no storage driver works on %s: %w", root, errors.Join(tried...))
}

// own leaves out the options that name another driver: they are for when that one is picked.
func own(opts []string, name string) []string {
	var kept []string
	for _, o := range opts {
		owner, _, dotted := strings.Cut(o, ".")
		if !dotted || owner == name || !isDriver(owner) {
			kept = append(kept, o)
		}
	}
	return kept
}

func isDriver(name string) bool {
	for _, d := range table() {
		if d.name == name {
			return true
		}
	}
	return false
}

// inUse lists the drivers that have layers.
func inUse(db fs.DB) ([]string, error) {
	var used []string
	for _, d := range table() {
		some, err := layers.Any(db, d.name)
		if err != nil {
			return nil, err
		}
		if some {
			used = append(used, d.name)
		}
	}
	return used, nil
}
