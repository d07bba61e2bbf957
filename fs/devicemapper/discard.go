package devicemapper

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// discard tells a block device that what is in its first size bytes is not needed (BLKDISCARD of
// include/uapi/linux/fs.h).
func discard(f *os.File, size uint64) error {
	span := [2]uint64{0, size}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKDISCARD, uintptr(unsafe.Pointer(&span))); errno != 0 {
		return os.NewSyscallError("BLKDISCARD", errno)
	}
	return nil
}
