// Package control speaks to OpenZFS's kernel module by ioctls on /dev/zfs (include/sys/fs/zfs.h and zfs_ioctl.h of
// OpenZFS 2.1): it makes, lists and destroys datasets, snapshots and clones. It needs neither zfs nor zpool.
package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/module"
	"box/fs/zfs/nvlist"
)

// Path is that of the device.
const Path = "/dev/zfs"

// Device is the open device. Its methods may be called by several goroutines.
type Device struct {
	f    *os.File
	Call func(request uintptr, cmd []byte) error // what calls the kernel; tests stand in for it
}

// Open opens the device. The module is loaded where it is one and is installed.
func Open() (*Device, error) {
	d := &Device{}
	err := module.With([]string{"zfs"}, func() (err error) {
		d.f, err = os.OpenFile(Path, os.O_RDWR|unix.O_EXCL, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	d.Call = d.kernel
	return d, nil
}

// Close closes the device.
func (d *Device) Close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}

func (d *Device) kernel(request uintptr, cmd []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.f.Fd(), request, uintptr(unsafe.Pointer(&cmd[0])))
	if errno != 0 {
		return errno
	}
	return nil
}

// Requests (zfs_ioc_t).
const (
	poolGetProps     = 0x5a27
	objsetStats      = 0x5a12
	datasetListNext  = 0x5a14
	snapshotListNext = 0x5a15
	setProp          = 0x5a16
	create           = 0x5a17
	destroy          = 0x5a18
	rename           = 0x5a1a
	snapshot         = 0x5a23
	destroySnaps     = 0x5a3b
	clone            = 0x5a42
)

// Fields of zfs_cmd_t, which is at the beginning of what is handed over.
const (
	atName    = 0
	atSrc     = 4096 // a pointer and a size
	atDst     = 4112
	atFilled  = 4128
	atValue   = 4144
	atCookie  = 12616
	sizeOfCmd = 32 << 10 // of 2.1 it takes 14 kB; the kernel reads and writes what it knows
	nameMost  = 255
)

// Sizes of a reply, in bytes.
const (
	replyFirst = 64 << 10
	replyMost  = 8 << 20
)

// command is a request and its reply.
type command struct {
	request uintptr
	name    string
	value   string
	cookie  uint64
	args    nvlist.List // nil for none
	plain   bool        // there is no list in the reply
}

// do makes a request. Of a list, name and cookie are those that the kernel has written.
func (d *Device) do(c *command) (nvlist.List, error) {
	var src []byte
	if c.args != nil {
		var err error
		if src, err = nvlist.Encode(c.args); err != nil {
			return nil, err
		}
	}
	for _, s := range []string{c.name, c.value} {
		if len(s) > nameMost || bytes.IndexByte([]byte(s), 0) >= 0 {
			return nil, fmt.Errorf("name %q: %w", s, errdefs.ErrInvalidArgument)
		}
	}
	for size := replyFirst; ; {
		if c.plain {
			size = 0
		}
		cmd, reply, err := d.once(c, src, size)
		filled := binary.NativeEndian.Uint32(cmd[atFilled:]) != 0
		had := binary.NativeEndian.Uint64(cmd[atDst+8:])
		if errors.Is(err, unix.ENOMEM) && filled && had > uint64(size) && had <= replyMost {
			size = int(had)
			continue
		}
		if err != nil {
			return nil, err
		}
		c.name, _, _ = cut(cmd[atName : atName+nameMost+1])
		c.cookie = binary.NativeEndian.Uint64(cmd[atCookie:])
		if c.plain || !filled {
			return nil, nil
		}
		return nvlist.Decode(reply[:min(had, uint64(len(reply)))])
	}
}

// cut returns the string up to the first zero byte.
func cut(b []byte) (string, string, bool) {
	before, after, found := bytes.Cut(b, []byte{0})
	return string(before), string(after), found
}

// once calls the kernel.
func (d *Device) once(c *command, src []byte, size int) (cmd, reply []byte, err error) {
	cmd, reply = make([]byte, sizeOfCmd), make([]byte, size)
	var pins runtime.Pinner
	defer pins.Unpin()
	point := func(at int, b []byte) {
		if len(b) > 0 {
			pins.Pin(&b[0])
			binary.NativeEndian.PutUint64(cmd[at:], uint64(uintptr(unsafe.Pointer(&b[0]))))
			binary.NativeEndian.PutUint64(cmd[at+8:], uint64(len(b)))
		}
	}
	copy(cmd[atName:], c.name)
	copy(cmd[atValue:], c.value)
	binary.NativeEndian.PutUint64(cmd[atCookie:], c.cookie)
	point(atSrc, src)
	point(atDst, reply)
	err = d.Call(c.request, cmd)
	for errors.Is(err, unix.EINTR) {
		err = d.Call(c.request, cmd)
	}
	return cmd, reply, err
}
