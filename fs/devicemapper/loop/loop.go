// Package loop attaches files to loop devices (loop(4)), so that they are block devices.
package loop

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"box/fs/module"
)

// Device is a file that is attached to a loop device. The kernel detaches it when nobody has the device open.
type Device struct {
	f    *os.File
	path string
}

// attempts bounds how often a free device is looked for: others look too.
const attempts = 50

// Attach attaches the file to a free loop device, or returns the device that it is attached to already.
func Attach(file string) (*Device, error) {
	backing, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer backing.Close()
	if d, err := find(backing); d != nil || err != nil {
		return d, err
	}
	for range attempts {
		d, err := attach(backing)
		if errors.Is(err, unix.EBUSY) {
			continue // somebody else was quicker
		}
		return d, err
	}
	return nil, fmt.Errorf("attach %s: no loop device stays free: %w", file, unix.EBUSY)
}

func attach(backing *os.File) (*Device, error) {
	n, err := free()
	if err != nil {
		return nil, fmt.Errorf("free loop device: %w", err)
	}
	d, err := open(n)
	if err != nil {
		return nil, err
	}
	info := unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}
	copy(info.File_name[:len(info.File_name)-1], backing.Name())
	config := unix.LoopConfig{Fd: uint32(backing.Fd()), Info: info}
	err = unix.IoctlLoopConfigure(int(d.f.Fd()), &config)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) { // before Linux 5.8
		if err = unix.IoctlSetInt(int(d.f.Fd()), unix.LOOP_SET_FD, int(backing.Fd())); err == nil {
			if err = unix.IoctlLoopSetStatus64(int(d.f.Fd()), &info); err != nil {
				_ = unix.IoctlSetInt(int(d.f.Fd()), unix.LOOP_CLR_FD, 0)
			}
		}
	}
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("attach %s to %s: %w", backing.Name(), d.path, err)
	}
	return d, nil
}

// free returns the number of a loop device that is free now.
func free() (n int, err error) {
	var control *os.File
	err = module.With([]string{"loop"}, func() (err error) {
		control, err = os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			if err := unix.Mknod("/dev/loop-control", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 237))); err != nil {
				return err
			}
			control, err = os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
		}
		if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENODEV) {
			return unix.ENOENT // what module.With waits for: nobody answers at the node
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	defer control.Close()
	return unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
}

// open opens a loop device, whose node it makes where it is missing.
func open(n int) (*Device, error) {
	d := &Device{path: "/dev/loop" + strconv.Itoa(n)}
	var err error
	d.f, err = os.OpenFile(d.path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		const major = 7 // Documentation/admin-guide/devices.txt
		if err := unix.Mknod(d.path, unix.S_IFBLK|0o600, int(unix.Mkdev(major, uint32(n)))); err != nil {
			return nil, err
		}
		d.f, err = os.OpenFile(d.path, os.O_RDWR, 0)
	}
	return d, err
}

// find returns the device that a file is attached to, nil if there is none.
func find(backing *os.File) (*Device, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(backing.Fd()), &st); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/sys/block")
	if err != nil {
		return nil, nil // no sysfs: nothing is known of others
	}
	for _, e := range entries {
		n, err := strconv.Atoi(trim(e.Name()))
		if err != nil {
			continue
		}
		if _, err := os.Stat("/sys/block/" + e.Name() + "/loop"); err != nil {
			continue // not attached
		}
		d, err := open(n)
		if err != nil {
			continue
		}
		info, err := unix.IoctlLoopGetStatus64(int(d.f.Fd()))
		if err == nil && info.Inode == st.Ino && info.Device == st.Dev {
			return d, nil
		}
		d.Close()
	}
	return nil, nil
}

// trim returns the number in the name of a loop device, or what is no number.
func trim(name string) string {
	if len(name) > 4 && name[:4] == "loop" {
		return name[4:]
	}
	return "none"
}

// Path returns the path of the device.
func (d *Device) Path() string { return d.path }

// Number returns the device's numbers, as a table of the device mapper names it.
func (d *Device) Number() (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(d.f.Fd()), &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), nil
}

// Grow tells the device that its file has another size.
func (d *Device) Grow() error {
	return os.NewSyscallError("LOOP_SET_CAPACITY", unix.IoctlSetInt(int(d.f.Fd()), unix.LOOP_SET_CAPACITY, 0))
}

// Close lets go of the device: it is detached unless somebody else has it open.
func (d *Device) Close() error { return d.f.Close() }
