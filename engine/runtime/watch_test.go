package runtime

import (
	"box/engine/runtime/runtimetest"
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// watcher stops every process that it sees and writes down what that may do and has open, until the file /end exists.
const watcher = `
: >/seen
while [ ! -e /end ]; do
	kill -STOP -1 2>/dev/null
	for p in /proc/[0-9]*; do
		[ $p = /proc/1 ] && continue
		grep -E '^(CapBnd|CapPrm|Seccomp):' $p/status 2>/dev/null >>/seen
		for f in $p/fd/*; do to=$(readlink $f) && echo "open ${f##*/} $to" >>/seen; done
	done
done`

// TestExecWatched checks that a container with CAP_SYS_PTRACE sees nothing in a further program's process, before the
// program runs, that is not the container's.
func TestExecWatched(t *testing.T) {
	spec := runtimetest.Spec(t, runtimetest.BusyboxRoot(t))
	runtimetest.Quiet(t)
	c := newContainer(t, "watched", spec)
	c.record.Filter = allows()
	for _, set := range []*[]string{&spec.Process.Capabilities.Bounding, &spec.Process.Capabilities.Permitted,
		&spec.Process.Capabilities.Effective} {
		*set = []string{"CAP_KILL", "CAP_SYS_PTRACE"}
	}
	p := *spec.Process
	r, err := launch(c.Start, p, "sh", "-c", watcher)
	if err != nil {
		t.Fatal(err)
	}
	for range 15 {
		e, err := launch(c.Exec, p, "true")
		if err != nil {
			if !strings.Contains(err.Error(), errStopped.Error()) {
				t.Error(err)
			}
			continue
		}
		for { // until it has ended
			if words, err := processState(e.Pid); err != nil || words[0] == "Z" {
				break
			}
			_ = unix.Kill(e.Pid, unix.SIGCONT)
			time.Sleep(time.Millisecond)
		}
		e.End(t)
	}
	if err := os.WriteFile(filepath.Join(spec.Root.Path, "end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.End(t)
	seen, err := os.Open(filepath.Join(spec.Root.Path, "seen"))
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close()
	counts := map[string]int{}
	for lines := bufio.NewScanner(seen); lines.Scan(); {
		line := lines.Text()
		counts[line]++
		ok := false
		switch name, value, _ := strings.Cut(line, ":\t"); name {
		case "CapBnd", "CapPrm":
			ok = value == "0000000000080020"
		case "Seccomp":
			ok = value == "2"
		default:
			words := strings.SplitN(line, " ", 3)
			ok = len(words) == 3 && (strings.Contains("012", words[1]) || strings.HasPrefix(words[2], "socket:"))
		}
		if !ok && counts[line] == 1 {
			t.Errorf("the container sees %q", line)
		}
	}
	if counts["Seccomp:\t2"] == 0 {
		t.Error("the container sees nothing")
	}
	t.Log(counts)
}
