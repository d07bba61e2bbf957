package keeper

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfoPid is si_pid as waitid(2) fills it in: the first field after the common head, which the package unix does
// not name. The head is three ints, on 64-bit machines padded to 16 bytes.
func siginfoPid(info *unix.Siginfo) int {
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), 12+4*(unsafe.Sizeof(uintptr(0))/8))))
}
