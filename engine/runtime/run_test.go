package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/engine/runtime/runtimetest"
)

// newPlan returns the steps of a test.
func newPlan(t *testing.T, inherited ...int) *steps {
	t.Helper()
	s, err := newSteps(inherited...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// last executes a file with these words, after the report that all is ready.
func (s *steps) last(file string, words ...string) {
	s.become(file, &execution{args: s.strings(words), env: s.strings(nil)})
}

func TestSteps(t *testing.T) {
	before := runtimetest.Descriptors(t)
	for _, c := range []struct {
		what string
		plan func(*steps)
		code int    // of the program
		err  string // of the start, "" for none
		late bool   // the error is of a program that has started
	}{
		{what: "success", plan: func(s *steps) { s.last("/bin/sh", "sh", "-c", "exit 7") }, code: 7},
		{what: "failing step", plan: func(s *steps) {
			s.do("enter nowhere", unix.SYS_CHDIR, cstring("/no/such/folder"))
			s.last("/bin/true", "true")
		}, err: "enter nowhere: no such file or directory"},
		{what: "error in other words", plan: func(s *steps) {
			s.do("", unix.SYS_CHDIR, cstring("/no")).because(func(err error) error { return fmt.Errorf("said: %w", err) })
		}, err: "said: no such file or directory"},
		{what: "tolerated error", plan: func(s *steps) {
			s.do("", unix.SYS_CHDIR, cstring("/no")).tolerate(unix.EPERM, unix.ENOENT)
			s.last("/bin/true", "true")
		}},
		{what: "other error", plan: func(s *steps) {
			s.do("", unix.SYS_CHDIR, cstring("/no")).tolerate(unix.EPERM, unix.EIO)
		}, err: ": no such file or directory"},
		{what: "any error", plan: func(s *steps) {
			s.do("", unix.SYS_CHDIR, cstring("/no")).tolerate(anyErrno)
			s.last("/bin/true", "true")
		}},
		{what: "branches", plan: func(s *steps) {
			failed, done, never := &label{}, &label{}, &label{}
			s.do("", unix.SYS_CHDIR, cstring("/no")).tolerate(unix.ENOENT).orElse(failed).then(never)
			s.do("success", unix.SYS_CHDIR, cstring("/no"))
			s.mark(failed)
			s.do("", unix.SYS_CHDIR, cstring("/")).tolerate(anyErrno).orElse(never).then(done)
			s.do("no jump", unix.SYS_CHDIR, cstring("/no"))
			s.mark(never)
			s.do("never", unix.SYS_CHDIR, cstring("/no"))
			s.mark(done)
			s.last("/bin/true", "true")
		}},
		{what: "registers", plan: func(s *steps) {
			fd := s.open("open", unix.SYS_OPENAT, current, cstring("/"), value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
			s.do("enter", unix.SYS_FCHDIR, fd)
			s.do("close", unix.SYS_CLOSE, fd)
			s.do("closed", unix.SYS_FCHDIR, fd)
		}, err: "closed: bad file descriptor"},
		{what: "no program", plan: func(s *steps) { s.last("/no/such/program", "x") }, code: 255,
			err: "exec /no/such/program: no such file or directory", late: true},
		{what: "no format", plan: func(s *steps) { s.last("/etc/passwd", "x") }, code: 255,
			err: "exec /etc/passwd: permission denied", late: true},
		{what: "argument that is too long", plan: func(s *steps) { s.last("/bin/true", "true", strings.Repeat("x", 2<<20)) },
			code: 255,
			err:  "exec /bin/true: argument list too long", late: true},
		{what: "long arguments", plan: func(s *steps) {
			s.last("/bin/true", "true", strings.Repeat("x", 100<<10), strings.Repeat("y", 100<<10))
		}},
		{what: "no end", plan: func(*steps) {}, err: "OOM-killed"},
		{what: "killed", plan: func(s *steps) {
			self := s.open("self", unix.SYS_GETPID)
			s.do("kill", unix.SYS_KILL, self, value(unix.SIGKILL))
		}, err: "OOM-killed"},
		{what: "killed as a second process", plan: func(s *steps) {
			s.do("fork", opFork, value(unix.CLONE_PARENT), value(-1))
			self := s.open("self", unix.SYS_GETPID)
			s.do("kill", unix.SYS_KILL, self, value(unix.SIGKILL))
		}, err: "OOM-killed"},
		{what: "second process", plan: func(s *steps) {
			s.do("fork", opFork, value(unix.CLONE_PARENT), value(-1))
			s.last("/bin/sh", "sh", "-c", "exit 9")
		}, code: 9},
		{what: "failing second process", plan: func(s *steps) {
			s.do("fork", opFork, value(unix.CLONE_PARENT), value(-1))
			s.do("enter nowhere", unix.SYS_CHDIR, cstring("/no"))
		}, err: "enter nowhere: no such file or directory"},
		{what: "fork that fails", plan: func(s *steps) { s.do("fork", opFork, value(unix.CLONE_THREAD), value(-1)) },
			err: "fork: invalid argument"},
		{what: "stopped once", plan: func(s *steps) {
			self := s.open("self", unix.SYS_GETPID)
			s.do("stop", unix.SYS_KILL, self, value(unix.SIGSTOP))
			s.last("/bin/true", "true")
		}},
		{what: "stopped again and again", plan: func(s *steps) {
			self := s.open("self", unix.SYS_GETPID)
			for range stopsLimit + 1 {
				s.do("stop", unix.SYS_KILL, self, value(unix.SIGSTOP))
			}
			s.last("/bin/true", "true")
		}, err: errStopped.Error()},
		{what: "zero in a text", plan: func(s *steps) { s.do("", unix.SYS_CHDIR, cstring("/\x00no")) },
			err: "invalid argument"},
	} {
		s := newPlan(t)
		c.plan(s)
		pid, err := s.start(0, -1)
		var late *lateError
		if text := fmt.Sprint(err); c.err == "" != (err == nil) || err != nil && !strings.Contains(text, c.err) ||
			errors.As(err, &late) != c.late {
			t.Errorf("%s: %v (late %v); want %q, %v", c.what, err, late != nil, c.err, c.late)
		}
		if err == nil || late != nil {
			if code := runtimetest.Ended(t, pid); code != c.code {
				t.Errorf("%s: exit code %d; want %d", c.what, code, c.code)
			}
		} else if pid != 0 {
			t.Errorf("%s: process %d after an error", c.what, pid)
		}
		runtimetest.Childless(t, nil)
		runtime.KeepAlive(s)
	}
	if after := runtimetest.Descriptors(t); after != before {
		t.Errorf("descriptors are left:\n%s\nbefore:\n%s", after, before)
	}
}

// TestProgram starts a program that looks at what it has, on new kernels and as on old ones.
func TestProgram(t *testing.T) {
	for _, old := range []bool{false, true} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		out := int(w.Fd())
		s := newPlan(t, out)
		if old {
			s.refuseCalls(unix.SYS_CLOSE_RANGE, unix.SYS_CLONE3, unix.SYS_OPENAT2, unix.SYS_FACCESSAT2)
		}
		for _, n := range []int{200, 201, 250} {
			s.do("descriptor that is to be closed", unix.SYS_FCNTL, value(out), value(unix.F_DUPFD), value(n))
		}
		s.do("close", opClose, value(200), value(1<<31-1))
		for range 5 {
			s.open("descriptor that stays", unix.SYS_FCNTL, value(out), value(unix.F_DUPFD), value(3))
		}
		s.standard(value(out), value(out), value(out))
		s.closeOthers()
		s.do("signals", opSignals)
		s.last("/bin/sh", "sh", "-c", `ls /proc/self/fd; grep -E '^Sig(Blk|Cgt)' /proc/self/status; for s in URG CHLD CONT PIPE; do kill -$s $$; done; echo alive`)
		pid, err := s.start(0, -1)
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if _, err := said.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		if code := runtimetest.Ended(t, pid); code != 128+int(unix.SIGPIPE) {
			t.Errorf("old kernel %v: exit code %d: SIGPIPE is not as by default", old, code)
		}
		lines := strings.Split(said.String(), "\n")
		if len(lines) < 6 || strings.Join(lines[:4], " ") != "0 1 2 3" || !strings.HasSuffix(lines[4], "\t0000000000000000") {
			t.Errorf("old kernel %v: program has descriptors (3 is of ls) and signals:\n%s", old, said.String())
		}
	}
}
