package runc

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runc/libcontainer/seccomp"
	"golang.org/x/sys/unix"
)

// apartMounts marks the copy of this test that has its own mounts.
const apartMounts = "BOX_RUNC_TEST"

// sleeps marks a copy of this test that does nothing.
const sleeps = "BOX_RUNC_TEST_SLEEPS"

// init keeps the main thread for the main goroutine. libcontainer's threads enter containers' mount namespaces, and
// /proc/self is the main thread's.
func init() { goruntime.LockOSThread() }

// TestMain runs the tests in a mount namespace of their own.
func TestMain(m *testing.M) {
	if os.Getenv(sleeps) != "" {
		time.Sleep(time.Hour)
	}
	if os.Getuid() != 0 || os.Getenv(apartMounts) != "" {
		if os.Getuid() == 0 {
			_ = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		os.Exit(m.Run())
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = append(os.Environ(), apartMounts+"=1"), os.Stdin, os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := c.Run(); err != nil {
		os.Exit(max(c.ProcessState.ExitCode(), 1))
	}
}

// TestSameInEveryRuntime starts each spec of the table under box, runc and, if it is installed, crun. It compares
// what a program finds in the container and what its control groups have. Every difference needs a reason in the
// table of differences, and every reason a difference.
func TestSameInEveryRuntime(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("starting containers needs root")
	}
	if !seccomp.Enabled {
		t.Skip("built without the tag seccomp")
	}
	if _, err := exec.LookPath("crun"); err != nil {
		t.Skip("crun is not installed")
	}
	probe := os.Getenv("BOX_PROBE") // testdata/probe.c made elsewhere, for a machine without a compiler
	if probe == "" {
		probe = filepath.Join(t.TempDir(), "probe")
		if out, err := exec.Command("gcc", "-static", "-o", probe, "testdata/probe.c").CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v: %s", err, out)
		}
	}
	used := map[*difference]bool{}
	for i := range compared {
		c := &compared[i]
		t.Run(c.what, func(t *testing.T) {
			w := newWorld(t, probe, c)
			ours := w.look(w.inProcess("box"))
			for _, other := range []string{"runc", "crun"} {
				start := w.inProcess
				if other == "crun" {
					start = w.byCrun
				}
				theirs := w.look(start(other))
				missing, more := apart(ours, theirs)
				for _, line := range missing {
					explain(t, used, c.what, other, "box: "+line)
				}
				for _, line := range more {
					explain(t, used, c.what, other, other+": "+line)
				}
			}
		})
	}
	if flagged := testing.Short() || t.Failed(); flagged {
		return
	}
	for i := range differences {
		if d := &differences[i]; !used[d] && !d.sometimes {
			t.Errorf("no difference is explained by: %s %s", d.line, d.reason)
		}
	}
}

// difference is what may differ between box and another runtime. A line begins with the runtime that has it.
type difference struct {
	specs     string // expression for the names of the specs, "" for all
	line      string // expression for a whole line
	reason    string
	sometimes bool // not on every kernel
}

func explain(t *testing.T, used map[*difference]bool, what, other, line string) {
	t.Helper()
	for i := range differences {
		d := &differences[i]
		if d.specs != "" && !regexp.MustCompile("^("+d.specs+")$").MatchString(what) {
			continue
		}
		for _, who := range []string{line, strings.Replace(line, "box: ", "box, not "+other+": ", 1)} {
			if regexp.MustCompile("^(" + d.line + ")$").MatchString(who) {
				used[d] = true
				return
			}
		}
	}
	t.Errorf("beside %s: %s", other, line)
}

// apart returns the lines that one of two lists has more often than the other.
func apart(a, b []string) (onlyA, onlyB []string) {
	count := map[string]int{}
	for _, line := range b {
		count[line]++
	}
	for _, line := range a {
		if count[line]--; count[line] < 0 {
			onlyA = append(onlyA, line)
		}
	}
	for line, n := range count {
		for ; n > 0; n-- {
			onlyB = append(onlyB, line)
		}
	}
	sort.Strings(onlyB)
	return onlyA, onlyB
}
