package mount

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// LeaveChroot makes what this process sees as its root the root of a mount namespace, so that nothing else is below
// the containers that are started from here: of a namespace of its own, or of ns (the path of one) where an earlier
// process has done it. Only the calling thread changes; it is locked to the goroutine, which must execute a program
// next.
func LeaveChroot(ns string) error {
	runtime.LockOSThread()
	if ns != "" {
		return enter(ns)
	}
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	// Opened now: before, it was a folder of the old namespace.
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer unix.Close(root)
	if err := enter("/proc/thread-self/ns/mnt"); err != nil { // to the root of the namespace
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	tree, err := unix.OpenTree(root, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("copy the mounts of the chroot: %w", err)
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", root, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount the chroot on itself: %w", err)
	}
	if err := unix.Fchdir(tree); err != nil {
		return err
	}
	return becomeRoot()
}

// enter joins a mount namespace (setns(2)). Its root becomes that of the thread.
func enter(ns string) error {
	f, err := os.Open(ns)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("join the mount namespace %s: %w", ns, err)
	}
	return nil
}

// becomeRoot makes the mount at the working directory the root of the namespace. The old root is unmounted. An
// initramfs, which cannot be pivoted, is mounted over.
func becomeRoot() error {
	err := unix.PivotRoot(".", ".")
	if err == nil {
		if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
			return fmt.Errorf("let go of the old root: %w", err)
		}
		return unix.Chdir("/")
	}
	if err != unix.EINVAL {
		return fmt.Errorf("pivot to the chroot: %w", err)
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("mount the chroot over the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Chdir("/")
}
