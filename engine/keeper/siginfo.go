package keeper

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfoPid returns si_pid as waitid(2) fills it in. It is the first field after the common head of three ints,
// padded to 16 bytes on 64-bit machines, and package unix does not name it.
func siginfoPid(info *unix.Siginfo) int {
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), 12+4*(unsafe.Sizeof(uintptr(0))/8))))
}
