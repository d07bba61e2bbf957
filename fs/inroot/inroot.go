// Package inroot opens paths below a folder that somebody else fills: a container's root, an image's, a volume.
// Neither ".." nor a link leads out of it, nor a program that renames things meanwhile.
//
// The kernel does it (openat2(2)); before Linux 5.6 the walk of this package does. engine/runtime has both once more
// in C, for a process in which no Go may run.
package inroot

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renames is how often openat2 is retried if it failed at ".." because of a rename.
const renames = 100

// Opener opens a path below a root with the flags of open(2), and never anything outside.
type Opener func(path string, flags int) (fd int, err error)

// Open opens p with the flags of open(2) but O_CREAT, as a process would whose root the open folder root is. A last
// link is followed unless they have O_NOFOLLOW, or p ends in a slash. Links of /proc that lead by magic give
// unix.ELOOP.
func Open(root int, p string, flags int) (int, error) {
	return open(root, "/"+p, flags, unix.RESOLVE_IN_ROOT)
}

// Beneath is Open for what has to stay below root by itself: what would lead out, or starts at "/", gives unix.EXDEV.
func Beneath(root int, p string, flags int) (int, error) {
	return open(root, p, flags, unix.RESOLVE_BENEATH)
}

func open(root int, p string, flags int, resolve uint64) (int, error) {
	if flags&unix.O_CREAT != 0 {
		return -1, unix.EINVAL
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve | unix.RESOLVE_NO_MAGICLINKS}
	for range renames {
		fd, err := unix.Openat2(root, p, &how)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case errors.Is(err, unix.ENOSYS):
			return walkTo(root, p, flags, resolve == unix.RESOLVE_BENEATH)
		default:
			return fd, err
		}
	}
	return walkTo(root, p, flags, resolve == unix.RESOLVE_BENEATH)
}
