package seccomp

import (
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// seccomp(2): operations and flags of linux/seccomp.h.
const (
	setModeFilter  = 1
	getActionAvail = 2
	flagTSync      = 1 << 0
	flagLog        = 1 << 1
	flagSpecAllow  = 1 << 2
)

// flagsOf returns the flags that p asks for. Without a list, speculation stays on if the kernel supports that; an empty
// list means no flags.
func flagsOf(p *specs.LinuxSeccomp) (flags uint32, err error) {
	if p.Flags == nil {
		if apiLevel() >= 4 {
			flags = flagSpecAllow
		}
		return flags, nil
	}
	for _, name := range p.Flags {
		switch name {
		case "SECCOMP_FILTER_FLAG_TSYNC": // the program that is started has one thread
		case specs.LinuxSeccompFlagLog:
			flags |= flagLog
			err = needs("log flag", 3)
		case specs.LinuxSeccompFlagSpecAllow:
			flags |= flagSpecAllow
			err = needs("SSB flag", 4)
		case specs.LinuxSeccompFlagWaitKillableRecv:
			err = invalid("seccomp flag %s: an agent for system calls is not supported", name)
		default:
			err = invalid("seccomp flag %s is not known to runc", name)
		}
		if err != nil {
			return 0, err
		}
	}
	return flags, nil
}

func needs(what string, min uint) error {
	if level := apiLevel(); level < min {
		return invalid("seccomp %s needs API level %d, this kernel has %d", what, min, level)
	}
	return nil
}

// apiLevel tells what the kernel can do, in the first of libseccomp's levels (seccomp_api_get(3)): 1 filters, 2
// TSYNC, 3 the log flag and the actions log and kill-process, 4 speculation.
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
	switch {
	case !flags(flagTSync):
		return 1
	case !flags(flagLog) || !action(verdictLog) || !action(verdictKillProcess):
		return 2
	case !flags(flagSpecAllow):
		return 3
	}
	return 4
})
