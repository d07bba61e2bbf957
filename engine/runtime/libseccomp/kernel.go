package seccomp

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// seccomp(2): operations and flags of linux/seccomp.h.
const (
	setModeFilter      = 1
	getActionAvail     = 2
	flagTSync          = 1 << 0
	flagLog            = 1 << 1
	flagSpecAllow      = 1 << 2
	flagNewListener    = 1 << 3
	flagTSyncESRCH     = 1 << 4
	flagWaitKillRecv   = 1 << 5
	verdictLog         = 0x7ffc0000
	verdictKillProcess = 0x80000000
)

// GetAPI tells what the kernel can do, in libseccomp's levels (seccomp_api_get(3)): 1 filters, 2 TSYNC, 3 the log flag
// and the actions log and kill-process, 4 speculation, 5 notifications, 6 those with TSYNC, 7 wait killably.
func GetAPI() (uint, error) { return apiLevel(), nil }

var apiLevel = sync.OnceValue(func() uint {
	nr, ok := map[string]uintptr{"amd64": 317, "386": 354, "arm": 383, "arm64": 277}[runtime.GOARCH]
	if !ok {
		return 0
	}
	// A filter at address 0 is EFAULT where the flags are known, EINVAL where they are not (kernel/seccomp.c).
	flags := func(f uintptr) bool {
		_, _, err := syscall.RawSyscall(nr, setModeFilter, f, 0)
		return err == syscall.EFAULT
	}
	action := func(a uint32) bool {
		_, _, err := syscall.RawSyscall(nr, getActionAvail, 0, uintptr(unsafe.Pointer(&a)))
		return err == 0
	}
	levels := []func() bool{
		func() bool { return flags(flagTSync) },
		func() bool { return flags(flagLog) && action(verdictLog) && action(verdictKillProcess) },
		func() bool { return flags(flagSpecAllow) },
		func() bool { return flags(flagNewListener) },
		func() bool { return flags(flagTSync | flagNewListener | flagTSyncESRCH) },
		func() bool { return flags(flagNewListener | flagWaitKillRecv) },
	}
	level := uint(1)
	for _, has := range levels {
		if !has() {
			break
		}
		level++
	}
	return level
})
