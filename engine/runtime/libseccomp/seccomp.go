// Package seccomp stands in for the cgo binding of libseccomp: it offers the part of that binding's API which
// libcontainer calls, on filters compiled in Go (libseccomp's own compiler takes 28-37 ms at every container start,
// this one less than a millisecond, and nothing has to be linked in). The root go.mod replaces the module by this folder.
//
// It knows the architectures whose system calls can reach an amd64 or an arm64 kernel. Others may be named in a
// profile: no such call can arrive, so they add nothing to a filter.
//
// Verdicts equal libseccomp's, which the tests check. One case is left to each library: conditional rules of one
// system call with different actions whose conditions overlap. Here the rule that was added first wins.
package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// ScmpArch is a CPU architecture with its calling convention.
type ScmpArch uint

// The architectures a profile may name.
const (
	ArchInvalid ScmpArch = iota
	ArchNative
	ArchX86
	ArchAMD64
	ArchX32
	ArchARM
	ArchARM64
	ArchMIPS
	ArchMIPS64
	ArchMIPS64N32
	ArchMIPSEL
	ArchMIPSEL64
	ArchMIPSEL64N32
	ArchPPC
	ArchPPC64
	ArchPPC64LE
	ArchS390
	ArchS390X
	ArchPARISC
	ArchPARISC64
	ArchRISCV64
	ArchLOONGARCH64
	ArchM68K
	ArchSH
	ArchSHEB
)

// archNames is in the order of the constants above.
const archNames = "invalid native x86 amd64 x32 arm arm64 mips mips64 mips64n32 mipsel mipsel64 mipsel64n32 " +
	"ppc ppc64 ppc64le s390 s390x parisc parisc64 riscv64 loong64 m68k sh sheb"

// String gives the name that GetArchFromString takes.
func (a ScmpArch) String() string {
	names := strings.Fields(archNames)
	if int(a) >= len(names) {
		return fmt.Sprintf("arch %d", uint(a))
	}
	return names[a]
}

// GetArchFromString finds an architecture by its name in a profile, in any case.
func GetArchFromString(arch string) (ScmpArch, error) {
	name := strings.ToLower(arch)
	switch name {
	case "x86-64", "x86_64", "x64":
		return ArchAMD64, nil
	case "aarch64":
		return ArchARM64, nil
	case "loongarch64":
		return ArchLOONGARCH64, nil
	}
	for i, known := range strings.Fields(archNames) {
		if name == known && ScmpArch(i) > ArchNative {
			return ScmpArch(i), nil
		}
	}
	return ArchInvalid, fmt.Errorf("unknown architecture %q", arch)
}

// GetNativeArch tells what this program was built for.
func GetNativeArch() (ScmpArch, error) {
	switch runtime.GOARCH {
	case "amd64":
		return ArchAMD64, nil
	case "arm64":
		return ArchARM64, nil
	case "386":
		return ArchX86, nil
	case "arm":
		return ArchARM, nil
	}
	return ArchInvalid, fmt.Errorf("seccomp filters for %s are not implemented", runtime.GOARCH)
}

// ScmpAction is what happens to a system call: the kind in the low 16 bits, its data (an errno, say) above them.
type ScmpAction uint

// The kinds of actions.
const (
	ActInvalid ScmpAction = iota
	ActKillThread
	ActKillProcess
	ActTrap
	ActNotify
	ActErrno
	ActTrace
	ActLog
	ActAllow
)

// SetReturnCode gives the action with code as its data; actions that carry none are returned as they are.
func (a ScmpAction) SetReturnCode(code int16) ScmpAction {
	kind := a & 0xffff
	if kind != ActErrno && kind != ActTrace {
		return a
	}
	return kind | ScmpAction(uint16(code))<<16
}

// verdict is the value that a filter returns for the action (linux/seccomp.h, SECCOMP_RET_*).
func (a ScmpAction) verdict() (uint32, error) {
	data := uint32(a>>16) & 0xffff
	switch a & 0xffff {
	case ActKillThread:
		return 0x00000000, nil
	case ActKillProcess:
		return 0x80000000, nil
	case ActTrap:
		return 0x00030000, nil
	case ActErrno:
		return 0x00050000 | data, nil
	case ActNotify:
		return 0x7fc00000, nil
	case ActTrace:
		return 0x7ff00000 | data, nil
	case ActLog:
		return 0x7ffc0000, nil
	case ActAllow:
		return 0x7fff0000, nil
	}
	return 0, fmt.Errorf("unknown seccomp action %#x", uint(a))
}

// ScmpCompareOp is how a condition compares an argument.
type ScmpCompareOp uint

// The comparisons, all of them unsigned.
const (
	CompareInvalid ScmpCompareOp = iota
	CompareNotEqual
	CompareLess
	CompareLessOrEqual
	CompareEqual
	CompareGreaterEqual
	CompareGreater
	CompareMaskedEqual
)

// ScmpCondition is one comparison of one argument. CompareMaskedEqual holds where argument & Operand1 == Operand2.
type ScmpCondition struct {
	Argument           uint
	Op                 ScmpCompareOp
	Operand1, Operand2 uint64
}

// MakeCondition checks and builds a condition on argument arg (0 to 5).
func MakeCondition(arg uint, comparison ScmpCompareOp, values ...uint64) (ScmpCondition, error) {
	if arg > 5 {
		return ScmpCondition{}, fmt.Errorf("system calls have 6 arguments, number %d was named", arg)
	}
	if comparison == CompareInvalid || comparison > CompareMaskedEqual {
		return ScmpCondition{}, fmt.Errorf("unknown comparison %d", comparison)
	}
	if len(values) < 1 || len(values) > 2 {
		return ScmpCondition{}, fmt.Errorf("a condition has one or two values, not %d", len(values))
	}
	c := ScmpCondition{Argument: arg, Op: comparison, Operand1: values[0]}
	if len(values) == 2 {
		c.Operand2 = values[1]
	}
	return c, nil
}

// ErrSyscallDoesNotExist means that no architecture has a system call of that name.
var ErrSyscallDoesNotExist = errors.New("no system call has that name")

// VersionError means that the running kernel cannot do what was asked.
type VersionError struct {
	what       string
	level, min uint
}

// Error names what needs which API level.
func (e *VersionError) Error() string {
	return fmt.Sprintf("seccomp %s needs API level %d, this kernel has %d", e.what, e.min, e.level)
}

// GetLibraryVersion names the libseccomp release whose interface this is.
func GetLibraryVersion() (major, minor, micro uint) { return 2, 6, 0 }
