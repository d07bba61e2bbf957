package cmd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMonitor: the thread that was found sleeps and wakes while the others wait, as only the monitor does, and has its slack set.
func TestMonitor(t *testing.T) {
	id := monitorThread()
	if id == 0 {
		t.Fatal("there is no second thread")
	}
	before := switches(t, id)
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; {
		os.Getppid()
	}
	if n := switches(t, id) - before; n < 10 {
		t.Errorf("thread %d slept %d times in 0.2 s of work", id, n)
	}
	easeMonitor()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "timerslack_ns"))
	if os.IsNotExist(err) {
		t.Skip("this kernel has no timerslack_ns")
	}
	if os.IsPermission(err) && os.Getuid() != 0 {
		t.Skip("another thread's slack is for root")
	}
	if got := strings.TrimSpace(string(raw)); err != nil || got != monitorSlack {
		t.Errorf("slack %q (%v), want %s", got, err, monitorSlack)
	}
}

// switches counts how often a thread has waited.
func switches(t *testing.T, id int) int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(id), "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\nvoluntary_ctxt_switches:")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
