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

// OOMWatch tells each time that a group has no memory left.
type OOMWatch struct {
	once sync.Once
	f    *os.File // an eventfd of v1, an inotify of v2: its number is fd
	fd   int
	done chan struct{}

	group  *Group
	v2     bool
	killed int // processes that the kernel killed for it, when it was last told
	tell   func(killed bool)
}

// WatchOOM calls tell each time the group is out of memory, until Close: with whether the kernel has killed a process
// for it, now or before. Of a group that is fresh, what happened already is told at once. Where memory is not
// controlled the watch is nil.
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

// openV1 has the kernel count in an eventfd (cgroup v1 memory documentation, section 10).
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

// openV2 watches the counts themselves: the kernel tells of each change of theirs.
func (w *OOMWatch) openV2(dir string) (err error) {
	if w.fd, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err != nil {
		return err
	}
	_, err = unix.InotifyAddWatch(w.fd, dir+"/memory.events", unix.IN_MODIFY)
	return err
}

// run tells until Close or the end of the group.
func (w *OOMWatch) run() {
	defer close(w.done)
	defer w.f.Close()
	buf := make([]byte, 4096)
	for {
		if _, err := w.f.Read(buf); err != nil {
			if w.drain() { // what came before the Close
				w.look()
			}
			return
		}
		if !w.look() {
			return
		}
	}
}

// drain takes what there is to be read, and tells whether there was something.
func (w *OOMWatch) drain() bool {
	n, err := unix.Read(w.fd, make([]byte, 4096))
	return err == nil && n > 0
}

// killWait is how long the kernel may take to kill, after v1 told that there is no memory.
const killWait = 100 * time.Millisecond

// look tells what happened; a group that is gone ends the watch, and is the cause of an event, too.
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

// Close ends the watch. What happened before is told before it returns. It may be called more than once, and on nil.
func (w *OOMWatch) Close() {
	if w == nil {
		return
	}
	w.once.Do(func() { _ = w.f.SetReadDeadline(time.Unix(1, 0)) })
	<-w.done
}

// countOOMKills reads the count of memory.oom_control or memory.events.
func countOOMKills(text string) int {
	for line := range strings.Lines(text) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(n))
			return count
		}
	}
	return 0
}
