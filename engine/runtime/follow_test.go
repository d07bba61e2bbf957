package runtime

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Reports beside the numbers of steps (run.h).
const (
	forkedReport = -1
	readyReport  = -2
)

// child starts a process that ends when it is killed, or at once.
func child(t *testing.T, words ...string) int {
	t.Helper()
	pid, err := syscall.ForkExec(words[0], words, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	})
	return pid
}

// waited tells whether a child is gone and was waited for.
func waited(pid int) bool { return unix.Kill(pid, 0) == unix.ESRCH }

// TestReports checks that a process is followed to its program or to its end, whatever it reports or fails to report,
// and that a failed start leaves no process.
func TestReports(t *testing.T) {
	type report struct {
		what  int
		value int // for forkedReport, the second child
	}
	for _, row := range []struct {
		what    string
		reports []report
		cut     int    // bytes of another report
		err     string // "" for none
		late    bool
		second  bool // the second process is followed in the end
	}{
		{what: "ready", reports: []report{{readyReport, 0}}},
		{what: "a step that failed", reports: []report{{0, int(unix.EPERM)}}, err: "first: operation not permitted"},
		{what: "the last step", reports: []report{{1, int(unix.EIO)}}, err: "second: input/output error"},
		{what: "nothing", err: "OOM-killed"},
		{what: "half a report", cut: 5, err: "OOM-killed"},
		{what: "a step that is not there", reports: []report{{2, 1}}, err: "a step that is not there"},
		{what: "a step far away", reports: []report{{1 << 30, 1}}, err: "a step that is not there"},
		{what: "a negative step", reports: []report{{-1 << 31, 1}}, err: "a step that is not there"},
		{what: "the program is none", reports: []report{{readyReport, 0}, {1, int(unix.ENOEXEC)}},
			err: "second: exec format error", late: true},
		{what: "a second process", reports: []report{{forkedReport, 1}, {readyReport, 0}}, second: true},
		{what: "a second process that fails", reports: []report{{forkedReport, 1}, {0, int(unix.EACCES)}},
			err: "first: permission denied", second: true},
		{what: "a second process that says nothing", reports: []report{{forkedReport, 1}}, err: "OOM-killed", second: true},
		{what: "a third process", reports: []report{{forkedReport, 1}, {forkedReport, 1}},
			err: "a step that is not there", second: true},
		{what: "a process 0", reports: []report{{forkedReport, 0}}, err: "a step that is not there"},
		{what: "two errors", reports: []report{{0, int(unix.EPERM)}, {1, int(unix.EIO)}}, err: "second: input/output error"},
	} {
		s := newPlan(t)
		s.list = nil
		s.do("first", unix.SYS_GETPID)
		s.do("second", unix.SYS_GETPID)
		first, second := child(t, "/bin/sleep", "1000"), child(t, "/bin/sleep", "1000")
		if row.second { // the first process ends then
			_ = unix.Kill(first, unix.SIGKILL)
		}
		for _, r := range row.reports {
			if r.what == forkedReport && r.value == 1 {
				r.value = second
			}
			pair := binary.NativeEndian.AppendUint32(nil, uint32(int32(r.what)))
			if _, err := s.far.Write(binary.NativeEndian.AppendUint32(pair, uint32(r.value))); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = s.far.Write(make([]byte, row.cut))
		s.far.Close()
		pid, err := s.follow(first)
		s.near.Close()
		want := first
		if row.second {
			want = second
		}
		var late *lateError
		switch lives := row.err == "" || row.late; {
		case row.err == "" && err != nil, row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)):
			t.Errorf("%s: %v; want %q", row.what, err, row.err)
		case errors.As(err, &late) != row.late:
			t.Errorf("%s: late is %v", row.what, !row.late)
		case lives && (pid != want || waited(pid)):
			t.Errorf("%s: process %d, gone %v; want %d", row.what, pid, waited(pid), want)
		case !lives && (pid != 0 || !waited(want)):
			t.Errorf("%s: process %d is returned, and %d is left", row.what, pid, want)
		}
		if row.second && !waited(first) {
			t.Errorf("%s: the first process is left", row.what)
		}
	}
}

// TestLook checks that a stopped process is continued, but not for ever, and that a start that takes too long is
// given up.
func TestLook(t *testing.T) {
	pid := child(t, "/bin/sleep", "1000")
	state := func() string {
		t.Helper()
		words, err := processState(pid)
		if err != nil {
			t.Fatal(err)
		}
		return words[0]
	}
	becomes := func(want bool) {
		t.Helper()
		for limit := time.Now().Add(20 * time.Second); (state() == "T") != want; time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("the process is %s", state())
			}
		}
	}
	f := &followed{pid: pid, until: time.Now().Add(time.Hour)}
	if err := f.look(); err != nil || f.stops != 0 {
		t.Errorf("one that runs: %v, %d stops", err, f.stops)
	}
	for n := range stopsLimit + 1 {
		_ = unix.Kill(pid, unix.SIGSTOP)
		becomes(true)
		if err := f.look(); (n < stopsLimit) != (err == nil) || err != nil && err != errStopped {
			t.Fatalf("stop %d: %v", n, err)
		}
		if n < stopsLimit {
			becomes(false)
		}
	}
	f.until = time.Now().Add(-time.Second)
	if err := f.look(); err != errLong {
		t.Errorf("after the limit: %v", err)
	}
	gone := &followed{pid: 1 << 30, until: time.Now().Add(time.Hour)}
	if err := gone.look(); err != nil {
		t.Errorf("one that is gone, of which a report may be on its way: %v", err)
	}
}
