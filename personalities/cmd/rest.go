package cmd

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// restAfter is how long a process has to be idle before it returns memory.
const restAfter = 1500 * time.Millisecond

// Rest returns memory to the system whenever a long-lived process becomes idle: free heap, and the pages of its program
// file, nearly all of which are touched at startup and few afterwards.
type Rest struct {
	timer   *time.Timer
	slack   []byte
	touched atomic.Int64 // when, in nanoseconds
}

// heapSlack makes the collector wait for some 5 MiB of garbage instead of one or two; with a small heap it would
// otherwise run for nearly every container of a busy time. The memory is never touched, so it costs nothing, and the
// garbage is freed at the next rest.
const heapSlack = 10 << 20

// NewRest starts the timer.
func NewRest() *Rest {
	return &Rest{timer: time.AfterFunc(restAfter, giveBack), slack: make([]byte, heapSlack)}
}

// Touch notes activity: it starts the wait anew.
func (r *Rest) Touch() {
	r.touched.Store(time.Now().UnixNano())
	r.timer.Reset(restAfter)
}

// Blink says that a process which is idle has done a little work of its own: its pages are returned again at once. Free
// heap is left, since to collect it would cost more than the work.
func (r *Rest) Blink() {
	if time.Since(time.Unix(0, r.touched.Load())) > restAfter {
		returnPages()
	}
}

func giveBack() {
	debug.FreeOSMemory()
	returnPages()
}

func returnPages() {
	for _, m := range programPages() {
		// The kernel reads these pages from the file again when they are needed (madvise(2)).
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// pages is an address range of a mapping.
type pages struct{ start, end uintptr }

// programPages returns the mappings of our executable that were never written to. Others, such as those that the loader
// writes before it makes them read-only, would lose their changes.
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
