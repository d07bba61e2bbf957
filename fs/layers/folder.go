package layers

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
)

// MakeFolder makes the folder of a layer's own files. It becomes the root of a container, so it gets the metadata of
// the folder below; with none below, "", it belongs to the root of the maps. It says whether the folder was missing.
func MakeFolder(d *disk.Disk, dir, below string, ids fs.IDMaps) (made bool, err error) {
	uid, gid, mode := 0, 0, uint32(0o755)
	if len(ids.UIDs) > 0 {
		uid = ids.UIDs[0].Host
	}
	if len(ids.GIDs) > 0 {
		gid = ids.GIDs[0].Host
	}
	if below != "" {
		var st unix.Stat_t
		if err := unix.Lstat(below, &st); err != nil {
			return false, fmt.Errorf("layer below: %w", err)
		}
		uid, gid, mode = int(st.Uid), int(st.Gid), st.Mode&0o7777
	}
	err = d.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return true, err
	}
	return true, unix.Chmod(dir, mode)
}

// MakeOuter makes the folder that holds those of a layer. The root of a container goes through it, and through the
// root of the driver, by the group of its maps. An existing folder stays.
func MakeOuter(d *disk.Disk, root, dir string, ids fs.IDMaps) error {
	if err := Mkdir(d, dir, 0o710); err != nil {
		return err
	}
	if _, gid := ids.Root(); gid != 0 {
		return errors.Join(os.Chown(root, 0, gid), os.Chown(dir, 0, gid))
	}
	return nil
}

// Mkdir makes a folder where it is missing.
func Mkdir(d *disk.Disk, dir string, mode os.FileMode) error {
	if err := d.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}
