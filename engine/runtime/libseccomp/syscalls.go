package seccomp

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ScmpSyscall is a system call's number on the native architecture, or for a call that this architecture
// lacks a negative number that stands for its name.
type ScmpSyscall int32

// syscallText has a line for each name, sorted: the name and its numbers on amd64, x86, x32 (without the bit that
// marks x32 calls), arm and arm64, as in the kernel's syscall tables.
//
//go:embed syscalls.txt
var syscallText string

// absent is the number of a call on an architecture that has none of that name.
const absent int32 = -1

// columns of syscallText
const (
	colAMD64 = iota
	colX86
	colX32
	colARM
	colARM64
	columns
)

// column finds an architecture's numbers; known is false for one whose calls cannot arrive here.
func column(a ScmpArch) (col int, known bool) {
	switch a {
	case ArchAMD64:
		return colAMD64, true
	case ArchX86:
		return colX86, true
	case ArchX32:
		return colX32, true
	case ArchARM:
		return colARM, true
	case ArchARM64:
		return colARM64, true
	}
	return 0, false
}

type syscallEntry struct {
	name string
	num  [columns]int32
}

// syscallTable parses syscallText on first use.
var syscallTable = sync.OnceValue(func() []syscallEntry {
	table := make([]syscallEntry, 0, strings.Count(syscallText, "\n"))
	for line := range strings.Lines(syscallText) {
		var e syscallEntry
		rest := strings.TrimSuffix(line, "\n")
		e.name, rest, _ = strings.Cut(rest, " ")
		for i := range e.num {
			var field string
			field, rest, _ = strings.Cut(rest, " ")
			e.num[i] = absent
			if n, err := strconv.ParseInt(field, 10, 32); err == nil {
				e.num[i] = int32(n)
			}
		}
		table = append(table, e)
	}
	return table
})

// nativeIndex maps the native architecture's numbers to places in the table.
var nativeIndex = sync.OnceValue(func() map[int32]int {
	table := syscallTable()
	index := make(map[int32]int, len(table))
	native, _ := GetNativeArch()
	if col, ok := column(native); ok {
		for i, e := range table {
			if e.num[col] != absent {
				index[e.num[col]] = i
			}
		}
	}
	return index
})

// pseudo is the number that stands for the name at place i of the table where the native architecture has none;
// libseccomp's numbers for such calls are negative too, and below -100.
func pseudo(i int) ScmpSyscall { return ScmpSyscall(-1000 - i) }

// index finds a call's place in the table.
func (s ScmpSyscall) index() (int, bool) {
	if s < 0 {
		i := -1000 - int(s)
		return i, i >= 0 && i < len(syscallTable())
	}
	i, ok := nativeIndex()[int32(s)]
	return i, ok
}

// GetSyscallFromName finds a system call of the native architecture.
func GetSyscallFromName(name string) (ScmpSyscall, error) {
	return GetSyscallFromNameByArch(name, ArchNative)
}

// GetSyscallFromNameByArch finds a system call's number on an architecture: negative if only others have it.
func GetSyscallFromNameByArch(name string, arch ScmpArch) (ScmpSyscall, error) {
	if arch == ArchNative {
		native, err := GetNativeArch()
		if err != nil {
			return 0, err
		}
		arch = native
	}
	table := syscallTable()
	i, found := slices.BinarySearchFunc(table, name, func(e syscallEntry, name string) int { return strings.Compare(e.name, name) })
	col, known := column(arch)
	if !found || !known {
		return 0, ErrSyscallDoesNotExist
	}
	n := table[i].num[col]
	if n == absent {
		return pseudo(i), nil
	}
	if arch == ArchX32 {
		n |= x32Bit
	}
	return ScmpSyscall(n), nil
}
