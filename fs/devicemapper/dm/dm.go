// Package dm speaks to the kernel's device mapper by ioctls on /dev/mapper/control (include/uapi/linux/dm-ioctl.h,
// Documentation/admin-guide/device-mapper). It needs neither dmsetup nor udev: nodes of devices are made here.
package dm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"box/fs/module"
)

// Folder has the control node, and a node for each device.
const Folder = "/dev/mapper"

// Control is the open control node.
type Control struct {
	f      *os.File
	folder string
	call   func(nr uintptr, buf []byte) error // tests stand in for the kernel
}

// Open opens the control node, which it makes where it is missing. The module is loaded where it is one.
func Open() (*Control, error) {
	c := &Control{folder: Folder}
	err := module.With([]string{"dm_mod"}, func() (err error) {
		c.f, err = os.OpenFile(filepath.Join(Folder, "control"), os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			if err := makeControl(); err != nil {
				return err
			}
			c.f, err = os.OpenFile(filepath.Join(Folder, "control"), os.O_RDWR, 0)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	c.call = c.kernel
	return c, nil
}

// makeControl makes the control node by the numbers that /proc/misc and /proc/devices tell.
func makeControl() error {
	minor, err := number("/proc/misc", "device-mapper")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(Folder, 0o755); err != nil {
		return err
	}
	const misc = 10 // Documentation/admin-guide/devices.txt
	return unix.Mknod(filepath.Join(Folder, "control"), unix.S_IFCHR|0o600, int(unix.Mkdev(misc, minor)))
}

// number returns the number before name in a list of the kernel's.
func number(file, name string) (uint32, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		var n uint32
		var got string
		if _, err := fmt.Sscan(line, &n, &got); err == nil && got == name {
			return n, nil
		}
	}
	return 0, fmt.Errorf("the kernel has no device mapper: %w", unix.ENOENT)
}

// Close closes the control node. Devices stay.
func (c *Control) Close() error { return c.f.Close() }

func (c *Control) kernel(nr uintptr, buf []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, c.f.Fd(), request(nr), uintptr(unsafe.Pointer(&buf[0])))
	if errno != 0 {
		return errno
	}
	return nil
}

// Target is a stretch of a device, in sectors of 512 bytes.
type Target struct {
	Start, Length uint64
	Kind          string // such as thin
	Text          string // its parameters; of a status, what it says
}

// Info is the state of a device.
type Info struct {
	Major, Minor uint32
	Open         int // how often it is open
	Suspended    bool
	Doomed       bool // it is removed when it is closed last
}

// Create makes a device with a table and its node. After an error there is none.
func (c *Control) Create(name, uuid string, table ...Target) error {
	if _, _, err := c.do(devCreate, message{name: name, uuid: uuid}); err != nil {
		return fmt.Errorf("make device %s: %w", name, err)
	}
	err := c.load(name, table)
	if err == nil {
		err = c.MakeNode(name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make device %s: %w", name, err), c.Remove(name))
	}
	return nil
}

// Reload gives a device another table.
func (c *Control) Reload(name string, table ...Target) error {
	if err := c.load(name, table); err != nil {
		return fmt.Errorf("change device %s: %w", name, err)
	}
	return nil
}

// load loads a table and puts it in place of the one before.
func (c *Control) load(name string, table []Target) error {
	if _, _, err := c.do(tableLoad, message{name: name, targets: table}); err != nil {
		return err
	}
	if _, _, err := c.do(devSuspend, message{name: name}); err != nil { // resumes, since the flag is not set
		return errors.Join(err, c.clear(name))
	}
	return nil
}

func (c *Control) clear(name string) error {
	_, _, err := c.do(tableClear, message{name: name})
	return err
}

// Suspend lets what is under way come to its end, and holds up the rest until Resume.
func (c *Control) Suspend(name string) error {
	if _, _, err := c.do(devSuspend, message{name: name, flags: flagSuspend}); err != nil {
		return fmt.Errorf("suspend device %s: %w", name, err)
	}
	return nil
}

// Resume ends Suspend.
func (c *Control) Resume(name string) error {
	if _, _, err := c.do(devSuspend, message{name: name}); err != nil {
		return fmt.Errorf("resume device %s: %w", name, err)
	}
	return nil
}

// Remove removes a device and its node. A device that is not there is none to remove; one that is open is EBUSY.
func (c *Control) Remove(name string) error { return c.remove(name, 0) }

// Ensure makes a device, unless it is there: then it stays, also if it was to be removed when nobody uses it any more.
func (c *Control) Ensure(name string, table ...Target) error {
	for wait := time.Millisecond; ; wait *= 2 {
		i, err := c.Info(name)
		switch {
		case errors.Is(err, unix.ENXIO):
			err = c.Create(name, "", table...)
		case err == nil && i.Doomed:
			if err = c.Tell(name, "@cancel_deferred_remove"); err == nil {
				err = c.MakeNode(name) // it went when the device was to go
			}
		}
		// One that is going at this moment is neither there nor not.
		going := errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENXIO)
		if !going || wait > time.Second {
			return err
		}
		time.Sleep(wait)
	}
}

// RemoveLater removes a device as soon as nobody has it open (Linux 3.13), perhaps at once.
func (c *Control) RemoveLater(name string) error { return c.remove(name, flagDeferred) }

func (c *Control) remove(name string, flags uint32) error {
	_, _, err := c.do(devRemove, message{name: name, flags: flags})
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("remove device %s: %w", name, err)
	}
	if err := os.Remove(c.Node(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Rename gives a device, which may be open, another name.
func (c *Control) Rename(from, to string) error {
	if _, _, err := c.do(devRename, message{name: from, rename: to}); err != nil {
		return fmt.Errorf("rename device %s: %w", from, err)
	}
	if err := os.Remove(c.Node(from)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return c.MakeNode(to)
}

// Tell sends a message to the first target of a device.
func (c *Control) Tell(name, text string) error {
	if _, _, err := c.do(targetMsg, message{name: name, text: text}); err != nil {
		return fmt.Errorf("%s of device %s: %w", text, name, err)
	}
	return nil
}

// Status returns what the targets of a device say of themselves.
func (c *Control) Status(name string) ([]Target, error) {
	return c.table(name, flagNoFlush)
}

// Table returns the table of a device.
func (c *Control) Table(name string) ([]Target, error) {
	return c.table(name, flagTable)
}

func (c *Control) table(name string, flags uint32) ([]Target, error) {
	_, list, err := c.do(tableStatus, message{name: name, flags: flags})
	if err != nil {
		return nil, fmt.Errorf("status of device %s: %w", name, err)
	}
	return list, nil
}

// Info returns the state of a device, an error that is ENXIO if there is none.
func (c *Control) Info(name string) (Info, error) {
	h, _, err := c.do(devStatus, message{name: name})
	if err != nil {
		return Info{}, fmt.Errorf("device %s: %w", name, err)
	}
	return Info{Major: unix.Major(h.dev), Minor: unix.Minor(h.dev), Open: int(h.open), Suspended: h.flags&flagSuspend != 0,
		Doomed: h.flags&flagDeferred != 0}, nil
}

// Kernel returns the version of the kernel's device mapper.
func (c *Control) Kernel() (string, error) {
	h, _, err := c.do(version, message{})
	if err != nil {
		return "", fmt.Errorf("version of the device mapper: %w", err)
	}
	return fmt.Sprintf("%d.%d.%d", h.version[0], h.version[1], h.version[2]), nil
}

// Targets returns the kinds of targets that the kernel has.
func (c *Control) Targets() ([]string, error) {
	buf, err := c.send(listVersions, message{})
	if err != nil {
		return nil, fmt.Errorf("targets of the device mapper: %w", err)
	}
	return names(buf, versionsBefore)
}

// List returns the names of all devices.
func (c *Control) List() ([]string, error) {
	buf, err := c.send(listDevices, message{})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return names(buf, listBefore)
}

// Tidy removes the nodes whose names begin with prefix of devices that are not there: nobody else removes that of one
// that was removed when it was closed last.
func (c *Control) Tidy(prefix string) error {
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if _, err := c.Info(e.Name()); !errors.Is(err, unix.ENXIO) {
			continue
		}
		if err := os.Remove(c.Node(e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Node returns the path of a device.
func (c *Control) Node(name string) string { return filepath.Join(c.folder, name) }

// MakeNode makes the node of a device, unless it is there or udev is quicker.
func (c *Control) MakeNode(name string) error {
	i, err := c.Info(name)
	if err != nil {
		return err
	}
	want := unix.Mkdev(i.Major, i.Minor)
	var st unix.Stat_t
	if unix.Stat(c.Node(name), &st) == nil && st.Rdev == want && st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return nil
	}
	_ = os.Remove(c.Node(name)) // of a device of that name that is gone
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return err
	}
	err = unix.Mknod(c.Node(name), unix.S_IFBLK|0o600, int(want))
	if err == unix.EEXIST {
		return nil // udev's
	}
	return err
}
