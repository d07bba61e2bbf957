// Package ext4 makes ext4 file systems without mkfs: an empty one that e2fsprogs has made when box was built is written
// to the device, and grows to the size of the device when it is mounted.
package ext4

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

//go:embed packed
var packed embed.FS

// Smallest is the size of the file system before it grows, in bytes.
const Smallest = 160 << 20

// blockSize is that of the file system, in bytes.
const blockSize = 4096

// Write writes the file system to a device that reads as zeros, in pieces of chunk bytes: pieces of zeros are left out,
// the others are written whole, so that nothing of an earlier owner of the room is left in them.
func Write(device *os.File, chunk int) error {
	source, err := open()
	if err != nil {
		return err
	}
	buf, zeros := make([]byte, chunk), make([]byte, chunk)
	for at := int64(0); ; at += int64(chunk) {
		n, err := io.ReadFull(source, buf)
		if err == io.EOF {
			return device.Sync()
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return fmt.Errorf("unpack the file system: %w", err)
		}
		if bytes.Equal(buf[:n], zeros[:n]) {
			continue
		}
		if _, err := device.WriteAt(buf[:n], at); err != nil {
			return fmt.Errorf("write the file system: %w", err)
		}
	}
}

// open opens the embedded file system.
func open() (io.Reader, error) {
	raw, err := packed.ReadFile("packed/ext4.gz.gz")
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("this box was built without an empty ext4: build it with make")
	}
	if err != nil {
		return nil, err
	}
	outer, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("unpack the file system: %w", err)
	}
	inner, err := gzip.NewReader(outer)
	if err != nil {
		return nil, fmt.Errorf("unpack the file system: %w", err)
	}
	return inner, nil
}

// Grow makes a mounted file system size bytes large (EXT4_IOC_RESIZE_FS, Linux 3.3). One that is larger stays as it is.
func Grow(mounted string, size uint64) error {
	f, err := os.Open(mounted)
	if err != nil {
		return err
	}
	defer f.Close()
	var now unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &now); err != nil {
		return os.NewSyscallError("statfs", err)
	}
	const resize = 1<<30 | 8<<16 | 'f'<<8 | 16 // _IOW('f', 16, __u64)
	blocks := size / blockSize
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), resize, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		if errno == unix.EINVAL && now.Blocks >= blocks {
			return nil // it does not shrink
		}
		return fmt.Errorf("grow the file system at %s to %d blocks: %w", mounted, blocks, errno)
	}
	return nil
}
