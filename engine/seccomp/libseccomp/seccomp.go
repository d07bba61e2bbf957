// Package seccomp stands in for the cgo binding of libseccomp: it offers the part of that binding which libcontainer
// calls, and has box/engine/seccomp compile what it is given. libseccomp's own compiler takes 28-37 ms of a processor
// at every start and exec, this one less than one, and nothing has to be linked. The root go.mod replaces the module by
// this folder.
package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/seccomp"
)

// ScmpArch is a CPU architecture with its calling convention.
type ScmpArch uint

// The architectures that a profile may name.
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

// GetArchFromString finds an architecture by its name, in any case.
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
	a, err := GetArchFromString(strings.Replace(runtime.GOARCH, "386", "x86", 1))
	if err != nil {
		return ArchInvalid, fmt.Errorf("seccomp filters for %s are not implemented", runtime.GOARCH)
	}
	return a, nil
}

// spec is the architecture as a profile names it; "" is one whose calls cannot arrive at any kernel that box runs on.
func (a ScmpArch) spec() specs.Arch {
	switch a {
	case ArchNative:
		native, err := GetNativeArch()
		if err != nil {
			return ""
		}
		return native.spec()
	case ArchX86:
		return specs.ArchX86
	case ArchAMD64:
		return specs.ArchX86_64
	case ArchX32:
		return specs.ArchX32
	case ArchARM:
		return specs.ArchARM
	case ArchARM64:
		return specs.ArchAARCH64
	}
	return ""
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

// spec is the action as a profile names it.
func (a ScmpAction) spec() (specs.LinuxSeccompAction, *uint, error) {
	code := uint(a >> 16 & 0xffff)
	switch a & 0xffff {
	case ActKillThread:
		return specs.ActKillThread, nil, nil
	case ActKillProcess:
		return specs.ActKillProcess, nil, nil
	case ActTrap:
		return specs.ActTrap, nil, nil
	case ActErrno:
		return specs.ActErrno, &code, nil
	case ActTrace:
		return specs.ActTrace, &code, nil
	case ActLog:
		return specs.ActLog, nil, nil
	case ActAllow:
		return specs.ActAllow, nil, nil
	}
	return "", nil, fmt.Errorf("seccomp action %#x is not supported", uint(a))
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

// operators is in the order of the constants above.
var operators = [...]specs.LinuxSeccompOperator{"", specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
	specs.OpEqualTo,
	specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual}

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
	if comparison == CompareInvalid || int(comparison) >= len(operators) {
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

// GetAPI tells what the kernel can do, in the first four of libseccomp's levels (seccomp_api_get(3)).
func GetAPI() (uint, error) { return seccomp.Level(), nil }
