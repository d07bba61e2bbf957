package seccomp

import specs "github.com/opencontainers/runtime-spec/specs-go"

// arch is an architecture with its calling convention, which is a column of the table of system calls.
type arch int

const (
	amd64 arch = iota
	x86
	x32
	arm
	arm64
	columns

	foreign arch = -1 // its calls cannot arrive here
)

// Architecture tokens of linux/audit.h; x32's is amd64's.
const (
	auditX86   = 0x40000003
	auditAMD64 = 0xc000003e
	auditARM   = 0x40000028
	auditARM64 = 0xc00000b7
)

// x32Bit marks the calls of x32 (asm/unistd.h, __X32_SYSCALL_BIT).
const x32Bit = 0x40000000

// archNamed returns the architecture with Go's name.
func archNamed(name string) (arch, bool) {
	switch name {
	case "amd64":
		return amd64, true
	case "386":
		return x86, true
	case "arm":
		return arm, true
	case "arm64":
		return arm64, true
	}
	return foreign, false
}

// archOf returns the architecture with a name in a profile.
func archOf(name specs.Arch) (a arch, known bool) {
	switch name {
	case specs.ArchX86_64:
		return amd64, true
	case specs.ArchX86:
		return x86, true
	case specs.ArchX32:
		return x32, true
	case specs.ArchARM:
		return arm, true
	case specs.ArchAARCH64:
		return arm64, true
	case specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64,
		specs.ArchMIPSEL64N32,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchRISCV64, specs.ArchS390, specs.ArchS390X,
		specs.ArchLOONGARCH64:
		return foreign, true
	}
	return foreign, false
}
