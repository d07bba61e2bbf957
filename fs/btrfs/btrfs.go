// Package btrfs is the storage driver for a data root on btrfs: every layer is a subvolume, made as a snapshot of the
// one below, by ioctl(2) alone. The layers are in <root>/subvolumes, as in Docker.
package btrfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/go-units"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/module"
	"box/fs/snapshots"
)

// Name is the name for --storage-driver.
const Name = "btrfs"

const folder = "subvolumes"

// CheckOptions refuses unknown options and sizes that are none.
func CheckOptions(opts []string) error {
	_, err := minSpace(opts)
	return err
}

// minSpace returns the least size of a limit.
func minSpace(opts []string) (least int64, err error) {
	for _, o := range opts {
		key, value, _ := strings.Cut(o, "=")
		if strings.ToLower(key) != "btrfs.min_space" {
			return 0, fmt.Errorf("storage option %s is not known to btrfs: %w", key, errdefs.ErrInvalidArgument)
		}
		if least, err = units.RAMInBytes(value); err != nil || least < 0 {
			return 0, fmt.Errorf("storage option %s: %q is no size: %w", key, value, errdefs.ErrInvalidArgument)
		}
	}
	return least, nil
}

// size is a size as Docker writes it.
func size(bytes int64) string { return units.HumanSize(float64(bytes)) }

// Open opens the driver on the folder root, which it makes where it is missing. Where that is not on btrfs the error
// is errdefs.ErrNotImplemented. Orphans are out of the way when it returns; they are deleted until Close.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (*snapshots.Driver, error) {
	least, err := minSpace(opts)
	if err != nil {
		return nil, err
	}
	if err := Works(filepath.Dir(root)); err != nil {
		return nil, err
	}
	s := &subvolumes{disk: dd, least: least}
	if least > 0 { // as in Docker: whoever sets it wants limits
		f, err := os.Open(filepath.Dir(root))
		if err != nil {
			return nil, fmt.Errorf("open btrfs: %w", err)
		}
		defer f.Close()
		if err := s.enable(f); err != nil {
			return nil, fmt.Errorf("open btrfs: %w", err)
		}
	}
	return snapshots.Open(ctx, db, snapshots.Options{Name: Name, Root: root, Folder: folder, Trees: s, Disk: dd,
		Status: [][2]string{{"Build Version", "Btrfs v" + kernel()}, {"Library Version", "102"}}})
}

// kernel returns the version of the kernel, whose btrfs is the only one here: no library is used.
func kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "0"
	}
	version, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
	return version
}

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place { return snapshots.PlaceOf(Name, root, folder, d) }

// On tells whether a folder, or the nearest one above it that exists, is on btrfs.
func On(dir string) bool {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(dir, &st)
		if err == nil {
			return int64(st.Type) == unix.BTRFS_SUPER_MAGIC
		}
		if !errors.Is(err, unix.ENOENT) || dir == filepath.Dir(dir) {
			return false
		}
		dir = filepath.Dir(dir)
	}
}

// Works returns an error of the class errdefs.ErrNotImplemented that says what is missing for a data root, and what
// would bring it.
func Works(dataRoot string) error {
	if On(dataRoot) {
		return nil
	}
	why := "a file system made by mkfs.btrfs and mounted there would bring it"
	if !known() {
		_, err := module.Load(Name)
		if !known() {
			why = "and this kernel has no btrfs: one with CONFIG_BTRFS_FS, or the module btrfs, would bring it"
		}
		if err != nil {
			why += fmt.Sprintf(" (%v)", err)
		}
	}
	return fmt.Errorf("btrfs does not work: %s is not on btrfs; %s: %w", dataRoot, why, errdefs.ErrNotImplemented)
}

// known tells whether the kernel has btrfs.
func known() bool {
	raw, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(raw), "\t"+Name+"\n")
}
