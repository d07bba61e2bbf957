package tree

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// copyMetadata copies owner, mode, attributes and times of src to the open file dst.
func (c *copier) copyMetadata(src, dst int, st *unix.Stat_t) error {
	if !c.user {
		if err := unix.Fchown(dst, int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if err := unix.Fchmod(dst, st.Mode&0o7777); err != nil { // after the owner, which takes set-user-ID away
		return fmt.Errorf("set mode: %w", err)
	}
	if err := c.attributes(viaProc(src, ""), viaProc(dst, ""), true); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, viaProc(dst, ""), times(st), 0)
}

// copyNamedMetadata does the same for what cannot be opened: symbolic links, devices and pipes.
func (c *copier) copyNamedMetadata(e *entry) error {
	if !c.user {
		if err := unix.Fchownat(e.dst, e.name, int(e.st.Uid), int(e.st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if e.st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := chmodNamed(e); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	if err := c.attributes(viaProc(e.src, e.name), viaProc(e.dst, e.name), false); err != nil {
		return err
	}
	return unix.UtimesNanoAt(e.dst, e.name, times(&e.st), unix.AT_SYMLINK_NOFOLLOW)
}

// chmodNamed sets a mode without following a link that somebody may have put there. fchmodat(2) supports that only
// since Linux 6.6.
func chmodNamed(e *entry) error {
	fd, err := unix.Openat(e.dst, e.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod(viaProc(fd, ""), e.st.Mode&0o7777)
}

func times(st *unix.Stat_t) []unix.Timespec { return []unix.Timespec{st.Atim, st.Mtim} }

// viaProc returns a path to the entry name of an open folder, or without a name to the folder itself, for calls that do
// not accept a descriptor.
func viaProc(fd int, name string) string {
	p := "/proc/self/fd/" + strconv.Itoa(fd)
	if name != "" {
		p += "/" + name
	}
	return p
}

// attributes copies extended attributes. The path of an open file is a link in /proc that has to be followed; that of a
// name must not be.
func (c *copier) attributes(src, dst string, follow bool) error {
	list, get, set := unix.Llistxattr, unix.Lgetxattr, unix.Lsetxattr
	if follow {
		list, get, set = unix.Listxattr, unix.Getxattr, unix.Setxattr
	}
	buf := make([]byte, unix.PathMax)
	n, err := list(src, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = list(src, buf)
	}
	if errors.Is(err, unix.ENOTSUP) || n == 0 && err == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list attributes: %w", err)
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		size, err := get(src, name, value)
		if err == nil {
			err = set(dst, name, value[:size], 0)
		}
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !(c.user && errors.Is(err, unix.EPERM)) {
			return fmt.Errorf("copy attribute %s: %w", name, err)
		}
	}
	return nil
}
