// Package overlay2 is the overlay2 storage driver: layers are folders that the kernel's overlayfs stacks. On disk it
// looks as Docker's overlay2 does:
//
//	<root>/<id>/diff     what the layer holds
//	<root>/<id>/link     its short name
//	<root>/<id>/lower    the short names of what is below, l/A:l/B, top first
//	<root>/<id>/work     overlayfs's own
//	<root>/<id>/merged   where a container's root is mounted
//	<root>/<id>/layer.json its row of the table, from which that is made again when it is lost
//	<root>/l/<short>     a link to ../<id>/diff, so that many layers fit the one page of mount options
//
// and beside diff the record from which a layer's exact tar is written again. What is mounted follows the table of
// layers; the lower file is there for those who look.
package overlay2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/go-units"

	"box/fs"
	"box/fs/archive"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/overlayfs"
	"box/fs/quota"
)

// Name is the name for --storage-driver.
const Name = "overlay2"

// Driver is the overlay2 driver. Open makes one.
type Driver struct {
	layers.Stack
	root   string
	table  *layers.Table
	faults []string
	disk   *disk.Disk
	host   overlayfs.Host
	quota  *quota.Projects
	size   int64 // limit of containers that have none of their own
}

var (
	_ fs.Driver  = (*Driver)(nil)
	_ fs.Rebaser = (*Driver)(nil)
	_ fs.Locator = (*Driver)(nil)
	_ fs.Differ  = (*Driver)(nil)
	_ fs.Checker = (*Driver)(nil)
	_ fs.Sweeper = (*Driver)(nil)
)

// Open opens the driver on the folder root, which it makes where it is missing. Where overlayfs does not work on it
// the error is errdefs.ErrNotImplemented. Orphans are out of the way when it returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*Driver, error) {
	size, err := sizeIn(opts)
	if err != nil {
		return nil, err
	}
	if err := dd.MkdirAll(filepath.Join(root, "l"), 0o710); err != nil {
		return nil, fmt.Errorf("open overlay2: %w", err)
	}
	h, err := overlayfs.Probe(root, Name, 2)
	if err != nil {
		return nil, err
	}
	d := &Driver{root: root, host: h, disk: dd, quota: quota.In(root, dd), size: size}
	if err := d.checkSize(); err != nil {
		return nil, err
	}
	if d.table, err = layers.Open(db, Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.diff, Record: d.recordOf, Whiteouts: archive.Overlay, Disk: dd,
		Place: PlaceOf(root, dd), Delete: d.remove, Syncer: layers.Syncer{Disk: dd}}
	if d.faults, err = d.check(); err != nil {
		return nil, err
	}
	orphans, err := d.table.Sweep(dd, root, func(name string) bool { return name == "l" })
	if err != nil {
		return nil, err
	}
	d.Begin(ctx, func(ctx context.Context) error { return d.sweep(ctx, orphans) })
	return d, nil
}

// Probe tells whether the driver works on the folder dir, in which nothing stays.
func Probe(dir string) error {
	_, err := overlayfs.Probe(dir, Name, 2)
	return err
}

// checkSize refuses a limit that the file system does not keep.
func (d *Driver) checkSize() error {
	if d.size == 0 {
		return nil
	}
	err := d.quota.Supported()
	switch {
	case err == nil:
		return nil
	case d.host.Backing == "xfs":
		return fmt.Errorf("Storage option overlay2.size not supported. Filesystem does not support Project Quota: %v; "+
			"the mount option prjquota would bring it: %w", err, errdefs.ErrFailedPrecondition)
	}
	return fmt.Errorf("Storage Option overlay2.size only supported for backingFS XFS. Found %s; ext4 has it where it was "+
		"made with the features quota and project and is mounted with prjquota: %w", d.host.Backing,
		errdefs.ErrFailedPrecondition)
}

// CheckOptions refuses unknown options and sizes that are none.
func CheckOptions(opts []string) error {
	_, err := sizeIn(opts)
	return err
}

// sizeIn returns the limit of containers in options.
func sizeIn(opts []string) (size int64, err error) {
	for _, o := range opts {
		key, value, _ := strings.Cut(o, "=")
		switch strings.ToLower(key) {
		case "overlay2.override_kernel_check": // of no effect, as in Docker since 24
		case "overlay2.size":
			if size, err = units.RAMInBytes(value); err != nil || size < 0 {
				return 0, fmt.Errorf("storage option %s: %q is no size: %w", key, value, errdefs.ErrInvalidArgument)
			}
		default:
			return 0, fmt.Errorf("storage option %s is not known to overlay2: %w", key, errdefs.ErrInvalidArgument)
		}
	}
	return size, nil
}

// sweep deletes orphans and dangling short names.
func (d *Driver) sweep(ctx context.Context, orphans []string) error {
	err := errors.Join(layers.Delete(ctx, orphans, d.delete), d.Place.Complete(d.table))
	links, readErr := os.ReadDir(filepath.Join(d.root, "l"))
	for _, l := range links {
		path := filepath.Join(d.root, "l", l.Name())
		if _, statErr := os.Stat(path); !errors.Is(statErr, os.ErrNotExist) {
			continue
		}
		if gone := d.disk.Remove(path); !errors.Is(gone, os.ErrNotExist) { // its layer may be removed beside
			err = errors.Join(err, gone)
		}
	}
	return errors.Join(err, readErr)
}

// delete unmounts and deletes a layer's folder. Without the unmount it would delete through the mount.
func (d *Driver) delete(dir string) error {
	if err := mount.Unmount(filepath.Join(dir, "merged")); err != nil {
		return err
	}
	if err := d.quota.Lift(dir); err != nil {
		return err
	}
	return d.disk.RemoveAll(dir)
}

// Name implements fs.Driver.
func (d *Driver) Name() string { return Name }

// Status implements fs.Driver.
func (d *Driver) Status() [][2]string {
	return [][2]string{
		{"Backing Filesystem", d.host.Backing},
		{"Supports d_type", "true"}, // Open refuses without
		{"Using metacopy", "false"}, // every mount turns it off
		{"Native Overlay Diff", "true"},
		{"userxattr", "false"},
	}
}

func (d *Driver) dir(row layers.Row) string      { return filepath.Join(d.root, row.ID) }
func (d *Driver) recordOf(row layers.Row) string { return filepath.Join(d.root, row.ID, recordFile) }
func (d *Driver) diff(row layers.Row) string     { return filepath.Join(d.root, row.ID, "diff") }

// Folders implements fs.Locator.
func (d *Driver) Folders(_ context.Context, name string) (map[string]string, error) {
	chain, err := d.table.Chain(name)
	if err != nil {
		return nil, err
	}
	at := map[string]string{
		"UpperDir":  d.diff(chain[0]),
		"WorkDir":   filepath.Join(d.dir(chain[0]), "work"),
		"MergedDir": filepath.Join(d.dir(chain[0]), "merged"),
	}
	var lower []string
	for _, row := range chain[1:] {
		lower = append(lower, d.diff(row))
	}
	if len(lower) > 0 {
		at["LowerDir"] = strings.Join(lower, ":")
	}
	return at, nil
}
