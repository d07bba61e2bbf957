package seccomp

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// syscallText has a line for each name, sorted: the name and its numbers on amd64, x86, x32 (without the bit that
// marks x32 calls), arm and arm64, as in the kernel's syscall tables.
//
//go:embed syscalls.txt
var syscallText string

// absent is the number of a call that an architecture does not have.
const absent int32 = -1

type syscallEntry struct {
	name string
	num  [columns]int32

	through int32  // the call through which 32-bit x86 reaches it too, 0 for none
	first   uint64 // the first argument that means it there
}

// table parses syscallText on first use.
var table = sync.OnceValue(func() []syscallEntry {
	t := make([]syscallEntry, 0, strings.Count(syscallText, "\n"))
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
		t = append(t, e)
	}
	multiplex(t)
	return t
})

// find returns the index of a call in the table.
func find(name string) (int, bool) { return lookup(table(), name) }

func lookup(t []syscallEntry, name string) (int, bool) {
	return slices.BinarySearchFunc(t, name, func(e syscallEntry, name string) int { return cmp.Compare(e.name, name) })
}
