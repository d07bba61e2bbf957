package mount

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Chrooted tells whether the root of this process is below that of its mount namespace. The containers of such a
// process could escape, because a process that joins a mount namespace (setns(2)), such as an exec, is outside of the
// chroot.
func Chrooted() (bool, error) {
	ours, err := placeOf("/")
	if err != nil {
		return false, err
	}
	type answer struct {
		place
		err error
	}
	got := make(chan answer)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, whose root is another one, ends with the goroutine
		p, err := namespaceRoot()
		got <- answer{p, err}
	}()
	a := <-got
	if a.err != nil {
		return false, fmt.Errorf("root of the mount namespace: %w", a.err)
	}
	return a.place != ours, nil
}

// place identifies a folder of a mount.
type place struct{ mount, inode uint64 }

func placeOf(path string) (place, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_INO|unix.STATX_MNT_ID, &st); err != nil {
		return place{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return place{st.Mnt_id, st.Ino}, nil
}

// namespaceRoot moves to the root of the mount namespace of the calling thread (setns(2), "Mount namespaces").
func namespaceRoot() (place, error) {
	ns, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return place{}, err
	}
	defer ns.Close()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return place{}, err
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return place{}, err
	}
	return placeOf("/")
}
