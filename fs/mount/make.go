package mount

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/module"
)

// All makes mounts in order. If one fails, those before it are undone and the error names it.
func All(mounts []Mount) error {
	for i, m := range mounts {
		err := m.mount()
		if err == nil {
			continue
		}
		err = fmt.Errorf("mount %s on %s: %w", m.Type, m.Target, err)
		for j := i - 1; j >= 0; j-- {
			err = errors.Join(err, Unmount(mounts[j].Target))
		}
		return err
	}
	return nil
}

func (m Mount) mount() error {
	p := Parse(m.Options)
	if m.Type == "bind" {
		p.Flags |= unix.MS_BIND
	}
	// The kernel takes one page of data, including a zero byte, and silently drops the rest.
	if len(p.Data) >= os.Getpagesize() {
		return fmt.Errorf("options of %d bytes do not fit a page of %d: %w", len(p.Data), os.Getpagesize(),
			errdefs.ErrInvalidArgument)
	}
	if err := m.at(p); err != nil {
		return err
	}
	if err := m.finish(p); err != nil {
		return errors.Join(err, Unmount(m.Target))
	}
	return nil
}

// at makes the mount itself, from m.Dir if that is set.
func (m Mount) at(p Parsed) error {
	call := func() error {
		err := unix.Mount(m.Source, m.Target, m.Type, p.Flags, p.Data)
		if err != unix.ENODEV { // the kernel does not know the file system, mount(2)
			return err
		}
		loaded, loadErr := module.Load(m.Type)
		if loaded {
			return unix.Mount(m.Source, m.Target, m.Type, p.Flags, p.Data)
		}
		return errors.Join(err, loadErr)
	}
	if m.Dir == "" {
		return call()
	}
	done := make(chan error)
	go func() {
		// The thread gets a working folder of its own. It is never unlocked, so it ends with the goroutine
		// and no other code ever runs in that folder.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			done <- fmt.Errorf("unshare working folder: %w", err)
			return
		}
		if err := unix.Chdir(m.Dir); err != nil {
			done <- fmt.Errorf("chdir %s: %w", m.Dir, err)
			return
		}
		done <- call()
	}()
	return <-done
}

// finish does what needs another call: flags of bind mounts, and propagation.
func (m Mount) finish(p Parsed) error {
	const later = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME
	if p.Flags&unix.MS_BIND != 0 && p.Flags&unix.MS_REMOUNT == 0 && p.Flags&later != 0 {
		bits := (p.Flags &^ unix.MS_REC) | unix.MS_REMOUNT
		if err := unix.Mount("", m.Target, "", bits, ""); err != nil {
			return fmt.Errorf("remount with flags: %w", err)
		}
	}
	if p.Propagation != 0 {
		if err := unix.Mount("", m.Target, "", p.Propagation, ""); err != nil {
			return fmt.Errorf("change propagation: %w", err)
		}
	}
	return nil
}

// Undo unmounts what All has mounted.
func Undo(mounts []Mount) error {
	var errs []error
	for _, m := range slices.Backward(mounts) {
		errs = append(errs, Unmount(m.Target))
	}
	return errors.Join(errs...)
}

// Unmount unmounts the topmost mount at target. It disappears at once, and is freed when its last user ends. It is no
// error if there is no mount.
func Unmount(target string) error {
	err := unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	return fmt.Errorf("unmount %s: %w", target, err)
}
