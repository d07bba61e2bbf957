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

// What a start waits for. The process on its way can be seen and stopped by the container's before it executes the
// program: that must not hold up the keeper, for libcontainer waits as long as it takes.
const (
	startLimit = time.Minute            // for a start
	firstLook  = 500 * time.Millisecond // at one that takes long
	lookAgain  = 50 * time.Millisecond
	stopsLimit = 20 // how often a process goes on that was stopped
)

// watch lets processes go on that are on their way to their program and that somebody stopped, and ends them when it is
// too much, until stop is called.
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

// unstop looks once; stops counts by process. One that is in the container's PID namespace already may not be in its
// control group yet, so every child of this process is looked at that libcontainer has execute our file. It is late for
// those that were stopped, and for those in the group.
func (c *container) unstop(stops map[int]int, late bool) {
	inGroup := map[int]bool{}
	if late {
		pids, _ := c.group.Pids() // of a group that is gone nothing is left
		for _, pid := range pids {
			inGroup[pid] = true
		}
	}
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range found {
		raw, err := os.ReadFile(file)
		after := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:])) // proc_pid_stat(5): state, parent
		if err != nil || len(after) < 2 || after[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		words, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || string(words) != os.Args[0]+"\x00init\x00" {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if after[0] == "T" || after[0] == "t" {
			stops[pid]++
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		if stops[pid] > stopsLimit || late && (stops[pid] > 0 || inGroup[pid]) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
