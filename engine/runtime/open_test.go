package runtime

import (
	"box/engine/runtime/runtimetest"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// stopReport is what the process reports after each step.
const stopReport = 1<<32 - 77

// stops makes the process wait after each step.
func (s *steps) stops() {
	labels := map[*label]bool{nil: true}
	list := s.list
	s.list = nil
	one := s.space(8)
	for i, st := range list {
		s.list = append(s.list, st)
		for _, l := range []*label{st.passed, st.done} {
			if !labels[l] {
				labels[l] = true
				l.at *= 3
			}
		}
		said := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, stopReport), uint32(i))
		s.do("say where it stands", unix.SYS_WRITE, value(s.report), s.bytes(said), value(8))
		s.do("wait", unix.SYS_READ, value(s.report), one, value(1))
	}
}

// watch starts the process and calls look with each step's number after that step. From step forked on that is the
// second process, if there is one. It returns when the program runs.
func (s *steps) watch(t *testing.T, flags uintptr, group, forked int, look func(i, pid int)) (pid int) {
	t.Helper()
	if err := unix.SetNonblock(s.report, false); err != nil {
		t.Fatal(err)
	}
	first, err := s.clone(flags, group)
	if err != nil {
		t.Fatal(err)
	}
	f := &followed{steps: s, pid: first}
	ahead := -1 // the step after which the second process waits, while the first has not told who that is
	stopped := func(i int) {
		look(i, f.pid)
		if _, err := s.near.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
	}
	for {
		var pair [8]byte
		if _, err := io.ReadFull(s.near, pair[:]); err != nil {
			break
		}
		what, value := binary.NativeEndian.Uint32(pair[:]), binary.NativeEndian.Uint32(pair[4:])
		switch i := int(value); {
		case what == stopReport && forked >= 0 && i >= forked && !f.second:
			ahead = i
		case what == stopReport:
			stopped(i)
		default:
			if err := f.take(int(int32(what)), unix.Errno(value)); err != nil {
				reap(f.pid)
				t.Fatal(err)
			}
			if ahead >= 0 && f.second {
				stopped(ahead)
				ahead = -1
			}
		}
	}
	if !f.ready {
		t.Fatal("program does not run")
	}
	return f.pid
}

// mountsOf returns the numbers of the mounts that a process sees.
func mountsOf(t *testing.T, pid int) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		list[strings.Fields(line)[0]] = true
	}
	return list
}

// opened returns a process's descriptors and what each is.
func opened(t *testing.T, pid int) map[int]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	list := map[int]string{}
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		if list[n], err = os.Readlink(dir + "/" + e.Name()); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// mountOf returns the number of a descriptor's mount.
func mountOf(t *testing.T, pid, fd int) string {
	t.Helper()
	return field(t, fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd), "mnt_id:")
}

// field returns the rest of the line in a file of /proc that begins with name.
func field(t *testing.T, file, name string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// rights returns what a process may do.
func rights(t *testing.T, pid int) map[string]string {
	t.Helper()
	list := map[string]string{}
	for _, name := range []string{"Uid:", "Gid:", "Groups:", "CapBnd:", "CapInh:", "CapAmb:", "NoNewPrivs:", "Seccomp:",
		"Seccomp_filters:"} {
		list[name] = field(t, fmt.Sprintf("/proc/%d/status", pid), name)
	}
	return list
}

// TestOpenAfterEachStep stops every kind of start after each of its steps. Once the process is in the container's
// root, nothing of the host's is open. A further program's process has, from its first moment on, no more rights than
// the program will have, and no more open than that and the socket for reports.
func TestOpenAfterEachStep(t *testing.T) {
	for _, k := range startKinds() {
		if k.confine {
			continue
		}
		t.Run(k.what, func(t *testing.T) {
			st, spec, flags := planned(t, &k, "sleep", "1000")
			from, forked := st.entered(t)
			if k.exec {
				from = forked
			}
			streams := map[string]bool{}
			for _, fd := range st.streams {
				to, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
				if err != nil {
					t.Fatal(err)
				}
				streams[to] = true
			}
			var early []map[string]string // rights before the program runs
			looks := 0
			st.stops()
			pid := st.watch(t, flags, st.group, forked, func(i, pid int) {
				if i < from {
					return
				}
				looks++
				mounts := mountsOf(t, pid)
				for fd, to := range opened(t, pid) {
					switch {
					case fd == st.report || streams[to]:
					case k.exec && fd > 2:
						t.Errorf("after step %d, %v: descriptor %d is open: %s", i, st.list[3*i].fail(unix.EPERM), fd, to)
					case !mounts[mountOf(t, pid, fd)]:
						t.Errorf("after step %d, %v: descriptor %d is of the host's: %s", i, st.list[3*i].fail(unix.EPERM), fd, to)
					}
				}
				top, err := os.Stat(fmt.Sprintf("/proc/%d/root/", pid))
				want, _ := os.Stat(spec.Root.Path)
				if err != nil || !os.SameFile(top, want) {
					t.Errorf("after step %d the root is another: %v", i, err)
				}
				if k.exec {
					early = append(early, rights(t, pid))
				}
			})
			if st.console != nil {
				terminal, err := st.console.receive()
				if err != nil {
					t.Fatal(err)
				}
				defer terminal.Close()
			}
			late := rights(t, pid)
			for i, r := range early {
				if !maps.Equal(r, late) {
					t.Errorf("at stop %d the rights are %v; the program's are %v", i, r, late)
				}
			}
			_ = unix.Kill(pid, unix.SIGKILL)
			runtimetest.Ended(t, pid)
			if looks < 3 {
				t.Errorf("%d looks", looks)
			}
		})
	}
}
