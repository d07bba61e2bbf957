package mount

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Table reads what is mounted in the calling process's namespace.
func Table() ([]*mountinfo.Info, error) { return table(nil) }

// table is what of it a filter keeps.
func table(f mountinfo.FilterFunc) ([]*mountinfo.Info, error) {
	all, err := mountinfo.GetMounts(f)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	return all, nil
}

// On is the mount that path, which is absolute and has no links, is on; the topmost of those at one place.
func On(path string) (*mountinfo.Info, error) {
	all, err := Table()
	on := &mountinfo.Info{}
	for _, m := range all {
		above := m.Mountpoint == "/" || path == m.Mountpoint || strings.HasPrefix(path, m.Mountpoint+"/")
		if above && len(m.Mountpoint) >= len(on.Mountpoint) {
			on = m
		}
	}
	return on, err
}

// Mounted tells whether something is mounted at path. A path that is missing is not.
func Mounted(path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	var here, above unix.Stat_t
	err = unix.Lstat(path, &here)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return false, nil
	}
	if err == nil && unix.Lstat(filepath.Dir(path), &above) == nil && here.Dev != above.Dev {
		return true, nil // another file system than the folder above: only a mount makes that
	}
	return inTable(path)
}

// inTable looks path up in the table: a bind mount of the same file system shows nowhere else, and what is mounted
// there may give errors.
func inTable(path string) (bool, error) {
	if real, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(real, filepath.Base(path))
	}
	found, err := table(mountinfo.SingleEntryFilter(path))
	return len(found) > 0, err
}
