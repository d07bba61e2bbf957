package runtime

import (
	"fmt"

	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// leaveRamRoot makes pivot_root(2) possible where the host's root is the initramfs, whose mount has no parent and so
// cannot be moved away. The process, which already has its own mount namespace, puts a copy of all mounts on top of
// that mount and continues there. Then it unmounts what the copy covers. Elsewhere it does nothing.
//
// Once pivoted, a container cannot get below its root: no path leads up from what is mounted on the first mount of a
// namespace, and whoever joins the namespace (setns(2)) stands on the topmost mount. It is as after a switch_root,
// except that the initramfs still has its files, and whoever may unmount (CAP_SYS_ADMIN) can uncover them.
func (s *steps) leaveRamRoot() error {
	below, ram, err := RamRoot()
	if err != nil || !ram {
		return err
	}
	const what = "copy of the mounts over the initramfs"
	const place = "/proc" // any folder will do
	covered := s.open(what, unix.SYS_OPENAT, current, cstring("/"), value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
	s.mount(what, cstring("/"), cstring(place), "", unix.MS_BIND|unix.MS_REC, cstring(""))
	s.do(what, unix.SYS_CHDIR, cstring(place))
	s.mount(what, cstring("."), cstring("/"), "", unix.MS_MOVE, cstring(""))
	s.do(what, unix.SYS_CHROOT, cstring("."))
	s.do(what, unix.SYS_FCHDIR, covered)
	s.mount(what, cstring(""), cstring("."), "", unix.MS_PRIVATE, cstring(""))
	for _, path := range below {
		// In its own user namespace the process may not unmount these (mount_namespaces(7), locked mounts). They
		// stay, covered.
		s.do(what, unix.SYS_UMOUNT2, cstring("."+path), value(unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)).tolerate(anyErrno)
	}
	s.do(what, unix.SYS_CHDIR, cstring("/"))
	s.do(what, unix.SYS_CLOSE, covered)
	return nil
}

// RamRoot tells whether the host's root is the initramfs and lists the places on it where others are mounted.
func RamRoot() (below []string, ram bool, err error) {
	id, ram, err := ramRoot()
	if err != nil || !ram {
		return nil, false, err
	}
	below, err = mountedOn(id)
	return below, err == nil, err
}

// ramRoot tells whether the root is the namespace's first mount and returns that mount's number.
func ramRoot() (id int, ram bool, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err != nil {
		return 0, false, fmt.Errorf("file system of the root: %w", err)
	}
	if st.Type != unix.TMPFS_MAGIC && st.Type != unix.RAMFS_MAGIC {
		return 0, false, nil // spares hosts with many mounts reading the table
	}
	all, err := mount.Table()
	for _, m := range all {
		if m.Mountpoint == "/" && m.ID == m.Parent {
			id, ram = m.ID, true
		}
	}
	return id, ram, err
}

// mountedOn lists the places on mount id where others are mounted.
func mountedOn(id int) (points []string, err error) {
	all, err := mount.Table()
	for _, m := range all {
		if m.Parent == id && m.ID != id {
			points = append(points, m.Mountpoint)
		}
	}
	return points, err
}
