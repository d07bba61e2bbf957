package runc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// What a start waits for. The process on its way can be seen and stopped by the container's before it executes the program: that must not hold up the keeper,
// for libcontainer waits as long as it takes.
const (
	startLimit = 2 * time.Minute        // for a start
	firstLook  = 500 * time.Millisecond // at one that takes long
	lookAgain  = 50 * time.Millisecond
	stopsLimit = 20 // how often a process goes on that was stopped
)

// watch lets processes go on that are on their way to their program and that somebody stopped, and ends them when it is too much, until stop is called.
func (c *container) watch() (stop func()) {
	over := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		look, began, stops := time.NewTimer(firstLook), time.Now(), map[int]int{}
		defer look.Stop()
		for {
			select {
			case <-over:
				return
			case <-look.C:
			}
			c.unstop(stops, time.Since(began) > startLimit)
			look.Reset(lookAgain)
		}
	})
	return func() {
		close(over)
		watching.Wait()
	}
}

// unstop looks once; stops counts by process. One that is in the container's PID namespace already may not be in its control group yet, so every process that
// executes our file is looked at. It is late for those that were stopped, and for those in the group.
func (c *container) unstop(stops map[int]int, late bool) {
	ours, err := os.Stat("/proc/self/exe")
	if err != nil {
		return
	}
	inGroup := map[int]bool{}
	if late {
		pids, _ := c.group.Pids() // of a group that is gone nothing is left
		for _, pid := range pids {
			inGroup[pid] = true
		}
	}
	found, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range found {
		dir := filepath.Dir(exe)
		pid, _ := strconv.Atoi(filepath.Base(dir))
		theirs, err := os.Stat(exe)
		if pid == os.Getpid() || err != nil || !os.SameFile(ours, theirs) {
			continue
		}
		raw, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue
		}
		state := strings.TrimLeft(string(raw[strings.LastIndexByte(string(raw), ')')+1:]), " ")
		if strings.HasPrefix(state, "T") || strings.HasPrefix(state, "t") {
			stops[pid]++
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		if stops[pid] > stopsLimit || late && (stops[pid] > 0 || inGroup[pid]) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
