package devicemapper

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"box/fs/layers"
)

// hold is a device that is mounted where nobody else sees it: by an open folder alone, so that nothing stays mounted
// when the daemon ends.
type hold struct {
	users int
	dir   *os.File
	path  string // by which the folder is reached
}

// hold mounts the device of a layer until release is called as often.
func (d *Driver) hold(id string, readOnly bool) (*hold, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[id]; h != nil {
		h.users++
		return h, nil
	}
	if err := d.devices.activate(id); err != nil {
		return nil, err
	}
	at := filepath.Join(d.apart(), id)
	if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	defer os.Remove(at) // nothing is mounted there any more
	var flags uintptr = unix.MS_NOATIME | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount(d.devices.node(id), at, "ext4", flags, d.o.mountOptions); err != nil {
		return nil, fmt.Errorf("mount device of layer %s: %w", id, err)
	}
	dir, err := os.Open(at)
	if err = errors.Join(err, unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)); err != nil {
		return nil, fmt.Errorf("mount device of layer %s: %w", id, err)
	}
	h := &hold{users: 1, dir: dir, path: "/proc/self/fd/" + strconv.Itoa(int(dir.Fd()))}
	d.held[id] = h
	return h, nil
}

// release ends a hold.
func (d *Driver) release(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.held[id]
	if h == nil {
		return
	}
	if h.users--; h.users == 0 {
		h.close(d, id)
	}
}

// close ends all holds of a device. mu is held.
func (h *hold) close(d *Driver, id string) {
	h.dir.Close()
	delete(d.held, id)
	if !d.given[id] {
		_ = d.devices.deactivate(id, true) // the kernel may let go of it a moment later
	}
}

// dir returns the root in the device of a layer that is held.
func (d *Driver) dir(row layers.Row) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[row.ID]; h != nil {
		return filepath.Join(h.path, rootDir)
	}
	return filepath.Join(d.apart(), row.ID, rootDir) // where there is nothing
}
