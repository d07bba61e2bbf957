package cmd

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
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
	touched atomic.Int64  // when, in nanoseconds
	used    atomic.Uint64 // bytes of the heap after memory was returned last
}

// litter is how much garbage a process which is idle leaves until it is collected.
const litter = 2 << 20

// heapSlack makes the collector wait for some 5 MiB of garbage instead of one or two; with a small heap it would
// otherwise run for nearly every container of a busy time. The memory is never touched, so it costs nothing, and the
// garbage is freed at the next rest.
const heapSlack = 10 << 20

// NewRest starts the timer.
func NewRest() *Rest {
	r := &Rest{slack: make([]byte, heapSlack)}
	r.timer = time.AfterFunc(restAfter, r.giveBack)
	return r
}

// Touch notes activity: it starts the wait anew.
func (r *Rest) Touch() {
	r.touched.Store(time.Now().UnixNano())
	r.timer.Reset(restAfter)
}

// Blink says that a process which is idle has done a little work of its own: its pages are returned again at once, and
// free heap once that is worth a collection.
func (r *Rest) Blink() {
	switch {
	case time.Since(time.Unix(0, r.touched.Load())) <= restAfter:
	case heapUsed() > r.used.Load()+litter:
		r.giveBack()
	default:
		returnPages()
	}
}

func (r *Rest) giveBack() {
	debug.FreeOSMemory()
	r.used.Store(heapUsed())
	returnPages()
}

// heapUsed returns the bytes of objects, garbage included.
func heapUsed() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// returnPages lets the kernel take pages of the program file back. Which those are does not change in a process.
func returnPages() {
	for _, m := range ownPages() {
		// The kernel reads these pages from the file again when they are needed (madvise(2)).
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

// pages is an address range of a mapping.
type pages struct{ start, end uintptr }

var ownPages = sync.OnceValue(programPages)

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
