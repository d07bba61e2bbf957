package cgroup

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// OOMWatch reports each time that a group runs out of memory.
type OOMWatch struct {
	once sync.Once
	f    *os.File // an eventfd on v1, inotify on v2; its number is fd
	fd   int
	done chan struct{}

	group  *Group
	v2     bool
	killed int // processes killed for lack of memory, as of the last look
	tell   func(killed bool)
}

// WatchOOM calls tell each time the group runs out of memory, until Close. killed tells whether the kernel has killed
// a process for that, now or before. If fresh is set, a kill that happened before the call is told at once. If memory
// is not controlled, the watch is nil.
func (g *Group) WatchOOM(fresh bool, tell func(killed bool)) (*OOMWatch, error) {
	m, ok := g.h.find("memory")
	if !ok {
		return nil, nil
	}
	w := &OOMWatch{group: g, v2: m.v2, tell: tell, done: make(chan struct{}), fd: -1}
	open := w.openV1
	if m.v2 {
		open = w.openV2
	}
	if err := open(m.dir + g.path); err != nil {
		if w.fd >= 0 {
			unix.Close(w.fd)
		}
		return nil, fmt.Errorf("watch the memory of control group %s: %w", g.path, err)
	}
	w.f = os.NewFile(uintptr(w.fd), "oom")
	if w.killed = g.OOMKills(); w.killed > 0 && fresh {
		w.drain()
		tell(true)
	}
	go w.run()
	return w, nil
}

// openV1 makes the kernel signal an eventfd (cgroup v1 memory documentation, section 10).
func (w *OOMWatch) openV1(dir string) (err error) {
	if w.fd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	of, err := open(dir+"/memory.oom_control", unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(of)
	return write(dir+"/cgroup.event_control", fmt.Sprintf("%d %d", w.fd, of))
}

// openV2 watches memory.events: the kernel reports each change of the counts.
func (w *OOMWatch) openV2(dir string) (err error) {
	if w.fd, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err != nil {
		return err
	}
	_, err = unix.InotifyAddWatch(w.fd, dir+"/memory.events", unix.IN_MODIFY)
	return err
}

// run reports events until Close or the end of the group.
func (w *OOMWatch) run() {
	defer close(w.done)
	defer w.f.Close()
	buf := make([]byte, 4096)
	for {
		if _, err := w.f.Read(buf); err != nil {
			if w.drain() { // what came before Close
				w.look()
			}
			return
		}
		if !w.look() {
			return
		}
	}
}

// drain reads what is pending, and reports whether there was anything.
func (w *OOMWatch) drain() bool {
	n, err := unix.Read(w.fd, make([]byte, 4096))
	return err == nil && n > 0
}

// killWait is how long to wait for the kernel to kill after v1 has reported lack of memory.
const killWait = 100 * time.Millisecond

// look reports what happened. It returns false once the group is removed, which also causes an event.
func (w *OOMWatch) look() (there bool) {
	m, _ := w.group.h.find("memory")
	file := m.dir + w.group.path + "/memory.oom_control"
	if w.v2 {
		file = m.dir + w.group.path + "/memory.events"
	}
	text, err := read(file)
	for end := time.Now().Add(killWait); !w.v2 && err == nil && time.Now().Before(end); text, err = read(file) {
		if countOOMKills(text) > w.killed || strings.Contains(text, "oom_kill_disable 1") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err != nil {
		return false
	}
	kills := countOOMKills(text)
	if !w.v2 || kills > w.killed {
		w.tell(kills > 0)
	}
	w.killed = kills
	return true
}

// Close ends the watch, after reporting what happened before. It may be called more than once, and on nil.
func (w *OOMWatch) Close() {
	if w == nil {
		return
	}
	w.once.Do(func() { _ = w.f.SetReadDeadline(time.Unix(1, 0)) })
	<-w.done
}

// countOOMKills reads the count from memory.oom_control or memory.events.
func countOOMKills(text string) int {
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(n))
			return count
		}
	}
	return 0
}
