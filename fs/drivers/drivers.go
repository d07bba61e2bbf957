// Package drivers has the table of the available storage drivers, and chooses one.
package drivers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/aufs"
	"box/fs/btrfs"
	"box/fs/devicemapper"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/overlay"
	"box/fs/overlay2"
	"box/fs/vfs"
	"box/fs/zfs"
)

// driver is a row of the table.
type driver struct {
	name    string
	prefix  string // of its storage options
	options func(opts []string) error
	probe   func(dir string) error
	open    opener[fs.Driver]
	place   func(root string, d *disk.Disk) layers.Place
}

type opener[D fs.Driver] func(ctx context.Context, root string, db fs.DB, d *disk.Disk, opts []string) (D, error)

// table returns all drivers in the order in which they are tried by default.
func table() []driver {
	return []driver{
		{overlay2.Name, overlay2.Name, overlay2.CheckOptions, overlay2.Probe, driverOf(overlay2.Open), overlay2.PlaceOf},
		{aufs.Name, aufs.Name, aufs.CheckOptions, aufs.Probe, driverOf(aufs.Open), aufs.PlaceOf},
		{overlay.Name, overlay.Name, overlay.CheckOptions, overlay.Probe, driverOf(overlay.Open), overlay.PlaceOf},
		{btrfs.Name, btrfs.Name, btrfs.CheckOptions, btrfs.Works, driverOf(btrfs.Open), btrfs.PlaceOf},
		{zfs.Name, zfs.Name, zfs.CheckOptions, zfs.Works, driverOf(zfs.Open), zfs.PlaceOf},
		{devicemapper.Name, "dm", devicemapper.CheckOptions, devicemapper.Probe, driverOf(devicemapper.Open),
			devicemapper.PlaceOf},
		{vfs.Name, vfs.Name, vfs.CheckOptions, anywhere, driverOf(vfs.Open), vfs.PlaceOf},
	}
}

func anywhere(string) error { return nil }

// driverOf returns an opener of any driver.
func driverOf[D fs.Driver](open opener[D]) opener[fs.Driver] {
	return func(ctx context.Context, root string, db fs.DB, d *disk.Disk, opts []string) (fs.Driver, error) {
		opened, err := open(ctx, root, db, d, opts)
		if err != nil {
			return nil, err // and not a nil of the driver's own type
		}
		return opened, nil
	}
}

// order returns the drivers in the order in which they are tried on a data root: that of its file system first.
func order(root string) []driver {
	all := table()
	own := ""
	switch {
	case btrfs.On(root):
		own = btrfs.Name
	case zfs.On(root):
		own = zfs.Name
	default:
		return all
	}
	at := slices.IndexFunc(all, func(d driver) bool { return d.name == own })
	return slices.Concat(all[at:at+1], all[:at], all[at+1:])
}

// Names returns the names of the drivers in the order in which they are tried.
func Names() []string {
	var names []string
	for _, d := range table() {
		names = append(names, d.name)
	}
	return names
}

// Probed says whether a driver works.
type Probed struct {
	Name string
	Err  error // why it does not, nil if it does
}

// Probe tries each driver on the folder dir, in which nothing stays, in the order in which they are tried.
func Probe(dir string) []Probed {
	var all []Probed
	for _, d := range order(dir) {
		all = append(all, Probed{d.name, d.probe(dir)})
	}
	return all
}

// Check refuses a name and options that Open would refuse, without accessing a disk.
func Check(name string, opts []string) error {
	if err := check(name, opts); err != nil {
		return err
	}
	if name == "" {
		name = named(opts)
	}
	for _, d := range table() {
		if d.name == name {
			return d.options(opts)
		}
	}
	if name != "" {
		return unknown(name)
	}
	return nil
}

func unknown(name string) error {
	return fmt.Errorf("storage driver %q is not known: this box has %s: %w", name, strings.Join(Names(), ", "),
		errdefs.ErrInvalidArgument)
}

// Open opens the driver called name on the folder of that name below root. An empty name picks one: the driver that
// has layers there already, the one that opts name, else the first that works; why others did not is told to note,
// which may be nil.
// opts are storage options, key=value; those of a driver start with its name.
func Open(ctx context.Context, root, name string, db fs.DB, d *disk.Disk, opts []string, note func(string)) (fs.Driver,
	error) {
	if err := check(name, opts); err != nil {
		return nil, err
	}
	if name != "" {
		return open(ctx, root, name, db, d, opts)
	}
	used, err := inUse(db)
	if err != nil {
		return nil, err
	}
	switch len(used) {
	case 0:
		if owner := named(opts); owner != "" {
			return open(ctx, root, owner, db, d, opts)
		}
		return first(ctx, root, db, d, opts, note)
	case 1:
		if err := check(used[0], opts); err != nil {
			return nil, err
		}
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
		opened, err := d.try(ctx, root, db, to, opts)
		if errdefs.IsNotImplemented(err) {
			err = fmt.Errorf("%w; what works there: %s", err, strings.Join(working(root), ", "))
		}
		if err != nil {
			return nil, fmt.Errorf("open storage driver %s: %w", name, err)
		}
		return opened, nil
	}
	return nil, unknown(name)
}

// try opens a driver on its folder below root. One that does not work there leaves no folder that was not there before.
func (d driver) try(ctx context.Context, root string, db fs.DB, to *disk.Disk, opts []string) (fs.Driver, error) {
	dir := filepath.Join(root, d.name)
	_, before := os.Lstat(dir)
	opened, err := d.open(ctx, dir, db, to, opts)
	if errdefs.IsNotImplemented(err) && errors.Is(before, os.ErrNotExist) {
		os.RemoveAll(dir)
	}
	return opened, err
}

// working returns the drivers that work on root.
func working(root string) (names []string) {
	for _, p := range Probe(root) {
		if p.Err == nil {
			names = append(names, p.Name)
		}
	}
	return names
}

// first opens the first driver that works on root.
func first(ctx context.Context, root string, db fs.DB, to *disk.Disk, opts []string, note func(string)) (fs.Driver,
	error) {
	var tried []error
	for _, d := range order(root) {
		opened, err := d.try(ctx, root, db, to, opts)
		if err == nil && len(tried) > 0 && note != nil {
			note(fmt.Sprintf("storage driver %s is used, since others do not work on %s: %v", d.name, root,
				errors.Join(tried...)))
		}
		if err == nil {
			return opened, nil
		}
		if !errdefs.IsNotImplemented(err) {
			return nil, fmt.Errorf("open storage driver %s: %w", d.name, err)
		}
		tried = append(tried, err)
	}
	return nil, fmt.Errorf("no storage driver works on %s: %w", root, errors.Join(tried...))
}

// check refuses invalid options, and those of another driver than the one called name. If name is empty, options of any
// driver are accepted.
func check(name string, opts []string) error {
	for _, o := range opts {
		key, _, ok := strings.Cut(o, "=")
		if !ok || key == "" {
			return fmt.Errorf("storage option %q: KEY=VALUE is wanted: %w", o, errdefs.ErrInvalidArgument)
		}
		prefix, _, dotted := strings.Cut(key, ".")
		owner := owner(prefix)
		switch {
		case !dotted:
			continue // the driver knows
		case owner == "":
			return fmt.Errorf("storage option %s: this box has no driver %s, but %s: %w", key, prefix,
				strings.Join(Names(), ", "), errdefs.ErrInvalidArgument)
		case name == "":
			name = owner
		case name != owner:
			return fmt.Errorf("storage option %s is of driver %s, and %s is used: %w", key, owner, name,
				errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// named returns the driver to which an option belongs, or "". Such an option must not lead to another driver.
func named(opts []string) string {
	for _, o := range opts {
		if prefix, _, dotted := strings.Cut(o, "."); dotted && owner(prefix) != "" {
			return owner(prefix)
		}
	}
	return ""
}

// owner returns the driver whose options begin with prefix, "" if there is none.
func owner(prefix string) string {
	for _, d := range table() {
		if d.prefix == prefix {
			return d.name
		}
	}
	return ""
}

// inUse returns the drivers that have layers.
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
