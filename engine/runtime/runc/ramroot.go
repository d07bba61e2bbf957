package runc

import (
	"fmt"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// leaveRamRoot does what engine/runtime does under the same name, in a process that libcontainer started with its own
// mount namespace. pivot_root(2) does not work with an initramfs as root, because its mount has no parent. So the
// process continues in a copy of all mounts on top of the initramfs, and unmounts what the copy covers. It does nothing
// if the root is not an initramfs.
func leaveRamRoot() error {
	below, ram, err := runtime.RamRoot()
	if err != nil || !ram {
		return err
	}
	covered, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the initramfs: %w", err)
	}
	defer unix.Close(covered)
	const place = "/proc" // any folder will do
	for _, step := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "") },
		func() error { return unix.Mount("/", place, "", unix.MS_BIND|unix.MS_REC, "") },
		func() error { return unix.Chdir(place) },
		func() error { return unix.Mount(".", "/", "", unix.MS_MOVE, "") },
		func() error { return unix.Chroot(".") },
		func() error { return unix.Fchdir(covered) },
		func() error { return unix.Mount("", ".", "", unix.MS_PRIVATE, "") },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("copy of the mounts over the initramfs: %w", err)
		}
	}
	for _, path := range below {
		// In its own user namespace the process may not unmount these (mount_namespaces(7), locked mounts). They
		// stay, covered.
		for unix.Unmount("."+path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil {
		}
	}
	return unix.Chdir("/")
}
