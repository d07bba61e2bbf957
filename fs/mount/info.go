package mount

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Info is a mount, as proc_pid_mountinfo(5) has it.
type Info = mountinfo.Info

// Table returns the mounts in the namespace of the calling process.
func Table() ([]*Info, error) { return table(nil) }

// table returns the mounts that a filter keeps.
func table(f mountinfo.FilterFunc) ([]*Info, error) {
	all, err := mountinfo.GetMounts(f)
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	return all, nil
}

// On returns the mount of an absolute path without links, the topmost if there are several.
func On(path string) (*Info, error) {
	all, err := Table()
	on := &Info{}
	for _, m := range all {
		above := m.Mountpoint == "/" || path == m.Mountpoint || strings.HasPrefix(path, m.Mountpoint+"/")
		if above && len(m.Mountpoint) >= len(on.Mountpoint) {
			on = m
		}
	}
	return on, err
}

// Mounted tells whether something is mounted at path. It returns false if path does not exist.
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

// inTable looks up path in the table, because a bind mount of the same file system is not visible otherwise, and what
// is mounted there may return errors.
func inTable(path string) (bool, error) {
	if real, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(real, filepath.Base(path))
	}
	found, err := table(mountinfo.SingleEntryFilter(path))
	return len(found) > 0, err
}
