package cmd

import (
	"os"
	"path/filepath"
	"strconv"
)

// monitorSlack is how much later than asked the monitor of the Go runtime may wake up, in nanoseconds.
const monitorSlack = "500000"

// easeMonitor has the runtime's monitor look less often. That thread sleeps 20 µs at a time while a program has something to do, to take
// the processor from goroutines that are in a system call; the kernel adds 50 µs. In a daemon that is in system calls for most of its
// time this was an eighth of all that it used. With half a millisecond, one that waits for a processor meanwhile waits that much longer.
//
// What cannot be set (before Linux 4.6) stays as it is.
func easeMonitor() {
	if id := monitorThread(); id != 0 {
		// A thread's entry is found there like a process's (proc_pid_timerslack_ns(5)).
		_ = os.WriteFile(filepath.Join("/proc", strconv.Itoa(id), "timerslack_ns"), []byte(monitorSlack), 0o644)
	}
}

// monitorThread is the second thread of this process: the runtime starts its monitor before any other. Numbers grow, and begin anew
// after the highest.
func monitorThread() int {
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return 0
	}
	first, lowest, next := os.Getpid(), 0, 0
	for _, e := range entries {
		id, err := strconv.Atoi(e.Name())
		if err != nil || id == first {
			continue
		}
		if lowest == 0 || id < lowest {
			lowest = id
		}
		if id > first && (next == 0 || id < next) {
			next = id
		}
	}
	if next != 0 {
		return next
	}
	return lowest
}
