package runc

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/cgroup"
)

// TestStopped checks that a process stopped on its way to its program is continued, and ended if that happens too
// often. The same program is left alone, stopped or not, if libcontainer did not start it.
func TestStopped(t *testing.T) {
	onItsWay, other := child(t, os.Args[0], "init"), child(t, os.Args[0], "start")
	foreign := exec.Command("yes")
	foreign.Args = []string{os.Args[0], "init"} // a container's program may call itself so
	if _, err := foreign.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	running(t, foreign)
	for _, c := range []*exec.Cmd{other, foreign} {
		_ = c.Process.Signal(unix.SIGSTOP)
		reaches(t, c, "T")
	}
	var w watcher
	w.stops = map[int]stops{}
	for n := range stopsLimit {
		_ = onItsWay.Process.Signal(unix.SIGSTOP)
		reaches(t, onItsWay, "T")
		w.unstop(time.Now())
		if reaches(t, onItsWay, "S", "R"); w.stops[onItsWay.Process.Pid].count != n+1 {
			t.Fatalf("stopped %d times: %v", n+1, w.stops)
		}
	}
	w.unstop(time.Now()) // a process that runs does not count
	_ = onItsWay.Process.Signal(unix.SIGSTOP)
	reaches(t, onItsWay, "T")
	w.unstop(time.Now())
	reaches(t, onItsWay, "Z")
	for _, c := range []*exec.Cmd{other, foreign} {
		reaches(t, c, "T")
	}

	slow := child(t, os.Args[0], "init")
	_ = slow.Process.Signal(unix.SIGSTOP)
	reaches(t, slow, "T")
	w.unstop(time.Now())
	reaches(t, slow, "S", "R")
	w.unstop(time.Now().Add(startLimit + time.Second))
	reaches(t, slow, "Z")
}

// TestManyStarts checks that starts that take long are watched together, for a small part of the processor's time.
func TestManyStarts(t *testing.T) {
	h, err := cgroup.Read()
	if err != nil {
		t.Skip(err)
	}
	var w watcher
	before := spent(t)
	for range 50 {
		defer w.watch(h.Open("/box-test/none"))()
	}
	const watched = 2 * time.Second
	time.Sleep(watched)
	if used := spent(t) - before; used > watched/5 {
		t.Errorf("50 starts of %v took %v of processor time", watched, used)
	}
}

// child starts this test's binary under another name; it sleeps.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Args, c.Env = args, []string{sleeps + "=1"}
	running(t, c)
	return c
}

func running(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// reaches waits until the state of c's process is one of states.
func reaches(t *testing.T, c *exec.Cmd, states ...string) {
	t.Helper()
	var raw []byte
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		raw, _ = os.ReadFile("/proc/" + strconv.Itoa(c.Process.Pid) + "/stat")
		_, after, _ := strings.Cut(string(raw), ") ")
		for _, s := range states {
			if strings.HasPrefix(after, s) {
				return
			}
		}
	}
	t.Fatalf("process %v does not reach %v: %s", c.Args, states, raw)
}

func spent(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
