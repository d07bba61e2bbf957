package runc

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/cgroup"
)

// Limits for starts. Before it executes the program, the new process can be seen and stopped by processes in the
// container. That must not block the keeper, since libcontainer waits without limit.
const (
	startLimit = time.Minute            // for a start, and for a process since it was first stopped
	firstLook  = 500 * time.Millisecond // at starts that take long
	lookAgain  = 50 * time.Millisecond
	lookShare  = 10 // a look takes at most one part in this many of the time
	stopsLimit = 20 // how often a stopped process is continued
)

// watcher resumes processes that were stopped before they execute their program, and ends them if that takes too long.
// One goroutine watches all starts while there are any.
type watcher struct {
	mu       sync.Mutex
	underWay map[*watched]struct{}
	stops    map[int]stops // by process
	looking  bool
}

// watched is a start under way.
type watched struct {
	group *cgroup.Group
	began time.Time
}

type stops struct {
	first time.Time
	count int
}

// watch watches a start in group until stop is called. No process of it is touched afterwards.
func (w *watcher) watch(group *cgroup.Group) (stop func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &watched{group, time.Now()}
	if w.underWay == nil {
		w.underWay = map[*watched]struct{}{}
	}
	w.underWay[s] = struct{}{}
	if !w.looking {
		w.looking, w.stops = true, map[int]stops{}
		time.AfterFunc(firstLook, w.look)
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.underWay, s)
	}
}

// look checks once, and plans the next check if starts are under way.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.underWay) == 0 {
		w.looking = false
		return
	}
	next, now := firstLook, time.Now()
	for s := range w.underWay {
		if now.Sub(s.began) >= firstLook {
			w.unstop(now)
			next = max(lookAgain, lookShare*time.Since(now))
			break
		}
	}
	time.AfterFunc(next, w.look)
}

// unstop checks all children of this process that libcontainer started. A stopped one is found by its parent, whatever
// start it belongs to, because one that is in the container's PID namespace may not be in its control group yet. It
// ends those that were stopped for too long or too often, and those in the group of a start that takes too long.
func (w *watcher) unstop(now time.Time) {
	late := map[int]bool{}
	for s := range w.underWay {
		if now.Sub(s.began) > startLimit {
			pids, _ := s.group.Pids() // a group that is gone has none
			for _, pid := range pids {
				late[pid] = true
			}
		}
	}
	seen := map[int]stops{}
	for pid, state := range onTheirWay() {
		s := w.stops[pid]
		if state == "T" || state == "t" {
			if s.count++; s.count == 1 {
				s.first = now
			}
			_ = unix.Kill(pid, unix.SIGCONT)
		}
		seen[pid] = s
		if s.count > stopsLimit || late[pid] || s.count > 0 && now.Sub(s.first) > startLimit {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	w.stops = seen
}

// onTheirWay returns the state (proc_pid_stat(5)) of each child of this process that has not executed its program
// yet. Such a child executes this process's file, or what libcontainer made of it if nobody sealed it: the same file
// by another mount, or a copy in memory. A program that only takes the same name does not.
func onTheirWay() map[int]string {
	own, _ := os.Readlink("/proc/self/exe")
	list := map[int]string{}
	for _, name := range children() {
		dir := filepath.Join("/proc", name)
		raw, err := os.ReadFile(filepath.Join(dir, "stat"))
		after := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:])) // state, parent
		if err != nil || len(after) < 2 || after[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		words, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || string(words) != os.Args[0]+"\x00init\x00" {
			continue
		}
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil || filepath.Base(exe) != filepath.Base(own) && !strings.HasPrefix(exe, "/memfd:") {
			continue
		}
		if pid, err := strconv.Atoi(name); err == nil {
			list[pid] = after[0]
		}
	}
	return list
}

// children returns the numbers of this process's children, or of all processes where the kernel keeps no list of them
// (CONFIG_PROC_CHILDREN). One may be left out if another ends meanwhile (proc_pid_task_tid_children(5)).
func children() []string {
	var all []string
	threads, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range threads {
		raw, _ := os.ReadFile(file) // a thread that is gone has none
		all = append(all, strings.Fields(string(raw))...)
	}
	if len(threads) > 0 {
		return all
	}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err == nil {
			all = append(all, entry.Name())
		}
	}
	return all
}
