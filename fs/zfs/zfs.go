// Package zfs is the storage driver for a data root on ZFS, or for a dataset that zfs.fsname names: every layer is a
// dataset in that one, a clone of a snapshot of the one below, made by ioctl(2) alone. They are mounted in
// <root>/graph, as in Docker.
package zfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/snapshots"
	"box/fs/zfs/control"
)

// Name is the name for --storage-driver.
const Name = "zfs"

const folder = "graph"

// CheckOptions refuses unknown options and names that no dataset can have.
func CheckOptions(opts []string) error {
	_, err := parent(opts)
	return err
}

// maxParent leaves room for the names of layers in a name's 255 bytes.
const maxParent = 150

// parent returns the dataset that the options name, "" if they name none.
func parent(opts []string) (name string, err error) {
	for _, o := range opts {
		key, value, _ := strings.Cut(o, "=")
		if strings.ToLower(key) != "zfs.fsname" {
			return "", fmt.Errorf("storage option %s is not known to zfs: %w", key, errdefs.ErrInvalidArgument)
		}
		if !valid(value) {
			return "", fmt.Errorf("storage option %s: %q is no name of a dataset: %w", key, value, errdefs.ErrInvalidArgument)
		}
		name = value
	}
	return name, nil
}

// valid tells whether a dataset can have a name (zfsconcepts(7)).
func valid(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.: ", r)
		}) {
			return false
		}
	}
	return len(name) <= maxParent
}

// Open opens the driver on the folder root, which it makes where it is missing. Where the kernel has no ZFS, or neither
// the options nor root name a dataset, the error is errdefs.ErrNotImplemented. Orphans are out of the way when it
// returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (_ *snapshots.Driver,
	err error) {
	within, err := parent(opts)
	if err != nil {
		return nil, err
	}
	dev, err := open()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			dev.Close()
		}
	}()
	if within == "" {
		if within, err = datasetOf(filepath.Dir(root)); err != nil {
			return nil, err
		}
	}
	return openOn(ctx, root, db, &datasets{dev: dev, disk: dd, within: within, owner: root, mount: mounted})
}

// openOn opens the driver with layers that are datasets of s.
func openOn(ctx context.Context, root string, db fs.DB, s *datasets) (*snapshots.Driver, error) {
	_, err := s.dev.Stats(s.within)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("open zfs: there is no dataset %s: zfs create makes one: %w", s.within,
			errdefs.ErrInvalidArgument)
	}
	if err != nil {
		return nil, fmt.Errorf("open zfs: %w", err)
	}
	return snapshots.Open(ctx, db, snapshots.Options{Name: Name, Root: root, Folder: folder, Trees: s, Disk: s.disk})
}

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place { return snapshots.PlaceOf(Name, root, folder, d) }

// open opens the device.
func open() (*control.Device, error) {
	dev, err := control.Open()
	if err != nil {
		return nil, fmt.Errorf("zfs does not work: the kernel has no %s; the module zfs of OpenZFS would bring it (Debian's "+
			"package zfs-dkms): %w: %w", control.Path, err, errdefs.ErrNotImplemented)
	}
	return dev, nil
}

// On tells whether a folder, or the nearest one above it that exists, is on ZFS.
func On(dir string) bool {
	const magic = 0x2fc12fc1 // ZFS_SUPER_MAGIC
	var st unix.Statfs_t
	at, err := existing(dir)
	return err == nil && unix.Statfs(at, &st) == nil && int64(st.Type) == magic
}

// existing returns a folder or the nearest one above it that exists, without links.
func existing(dir string) (string, error) {
	for {
		at, err := filepath.EvalSymlinks(dir)
		if !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			return at, err
		}
		dir = filepath.Dir(dir)
	}
}

// datasetOf returns the dataset with a folder.
func datasetOf(dir string) (string, error) {
	at, err := existing(dir)
	if err == nil {
		at, err = filepath.Abs(at)
	}
	if err != nil {
		return "", err
	}
	m, err := mount.On(at)
	if err != nil {
		return "", err
	}
	if m.FSType != Name {
		return "", fmt.Errorf("zfs does not work: %s is not on ZFS; a dataset mounted there, or one named by --storage-opt "+
			"zfs.fsname=POOL/DATASET, would bring it: %w", dir, errdefs.ErrNotImplemented)
	}
	if !valid(m.Source) {
		return "", fmt.Errorf("open zfs: the name of dataset %q is too long or unknown: %w", m.Source,
			errdefs.ErrInvalidArgument)
	}
	return m.Source, nil
}

// Works returns an error of the class errdefs.ErrNotImplemented that says what is missing for a data root, and what
// would bring it.
func Works(dataRoot string) error {
	dev, err := open()
	if err != nil {
		return err
	}
	defer dev.Close()
	_, err = datasetOf(dataRoot)
	return err
}
