package mount

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"box/panics"
)

// Apart runs fn on a thread with its own mount namespace. Nobody else sees the mounts of fn, and they are gone when
// Apart returns, except for what Clone holds.
func Apart(fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread never ends, and /proc/self shows what it sees, so another thread is used.
			done <- Apart(fn)
			runtime.UnlockOSThread()
			return
		}
		// The thread is never unlocked, so it ends with the goroutine.
		done <- panics.Call(func() error { return apart(fn) })
	}()
	return <-done
}

func apart(fn func() error) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	return fn()
}

// Clone returns an O_PATH descriptor of the folder at path that keeps all mounts at and below it until it is closed,
// even if they are unmounted (open_tree(2), Linux 5.2).
func Clone(path string) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return -1, fmt.Errorf("clone mounts of %s: %w", path, err)
	}
	return fd, nil
}

// Bind mounts what the descriptor source is open on over what target is open on, both of O_PATH: no name is looked
// up, so no link can lead it elsewhere.
func Bind(source, target int, readOnly bool) error {
	const here = unix.AT_EMPTY_PATH
	tree, err := unix.OpenTree(source, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|here)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if !readOnly {
		return nil
	}
	err = unix.MountSetattr(tree, "", here|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.ENOSYS) { // before 5.12
		err = unix.Mount("", fmt.Sprintf("/proc/self/fd/%d", tree), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	if err != nil {
		return fmt.Errorf("bind read-only: %w", err)
	}
	return nil
}
