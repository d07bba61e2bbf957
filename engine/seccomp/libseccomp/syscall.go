package seccomp

import (
	"sync"

	"box/engine/seccomp"
)

// ScmpSyscall is a system call's number on the native architecture, or for a call that this one lacks a negative number
// that stands for its name.
type ScmpSyscall int32

// pseudo is the number that stands for a name where an architecture has none: libseccomp's are negative too, and below
// -100.
const pseudo = -1000

// natives maps the native architecture's numbers to places in the table.
var natives = sync.OnceValue(func() map[ScmpSyscall]int {
	list := map[ScmpSyscall]int{}
	for place := 0; ; place++ {
		if _, ok := seccomp.Name(place); !ok {
			return list
		}
		if n, ok := seccomp.Number(place, ArchNative.spec()); ok {
			list[ScmpSyscall(n)] = place
		}
	}
})

// name is what the call is called.
func (s ScmpSyscall) name() (string, bool) {
	if s < 0 {
		return seccomp.Name(pseudo - int(s))
	}
	place, ok := natives()[s]
	if !ok {
		return "", false
	}
	return seccomp.Name(place)
}

// GetSyscallFromName finds a system call of the native architecture.
func GetSyscallFromName(name string) (ScmpSyscall, error) {
	return GetSyscallFromNameByArch(name, ArchNative)
}

// GetSyscallFromNameByArch finds a system call's number on an architecture: negative if only others have it.
func GetSyscallFromNameByArch(name string, arch ScmpArch) (ScmpSyscall, error) {
	place, ok := seccomp.Place(name)
	if !ok || arch.spec() == "" {
		return 0, ErrSyscallDoesNotExist
	}
	n, ok := seccomp.Number(place, arch.spec())
	if !ok {
		return ScmpSyscall(pseudo - place), nil
	}
	return ScmpSyscall(n), nil
}
