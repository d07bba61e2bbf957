package cmd

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// restAfter is how long a process must have had nothing to do before it gives memory back.
const restAfter = 1500 * time.Millisecond

// Rest gives memory back whenever a process that lives long has had nothing to do for a while: the heap that it does
// not use, and the pages of its own program, of which a start touches nearly all and an idle process few.
type Rest struct {
	timer *time.Timer
	slack []byte
}

// heapSlack has the collector wait for some 5 MiB of garbage instead of one or two, however small the heap is: at a
// busy time a small heap is collected for nearly every container else. It is never touched and so takes no memory,
// and what gathers goes at the next rest.
const heapSlack = 10 << 20

// NewRest begins the first wait.
func NewRest() *Rest {
	return &Rest{timer: time.AfterFunc(restAfter, giveBack), slack: make([]byte, heapSlack)}
}

// Touch says that there is something to do.
func (r *Rest) Touch() { r.timer.Reset(restAfter) }

func giveBack() {
	debug.FreeOSMemory()
	for _, m := range programPages() {
		// They are read again from the file when they are needed (madvise(2)).
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// pages are the addresses of a mapping.
type pages struct{ start, end uintptr }

// programPages are the mappings of our executable without a page of our own: what was written to, as the loader does
// to some that are read-only afterwards, would be lost.
func programPages() []pages {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	f, err := os.Open("/proc/self/smaps") // proc_pid_smaps(5)
	if err != nil {
		return nil
	}
	defer f.Close()
	var list []pages
	var at pages
	ours := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if words := strings.Fields(line); len(words) >= 5 && strings.Contains(words[0], "-") {
			_, err := fmt.Sscanf(words[0], "%x-%x", &at.start, &at.end)
			ours = err == nil && words[1][1] == '-' && strings.HasSuffix(line, exe)
		}
		if ours && strings.HasPrefix(line, "Anonymous:") && strings.Fields(line)[1] == "0" {
			list = append(list, at)
		}
	}
	return list
}
