package suite

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// census counts everything that a container may leave behind, on the host and in the two processes.
func census(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		s.Fatalf("usage: census file")
	}
	text, err := theDaemon(s).count()
	s.Check(err)
	s.Check(os.WriteFile(s.MkAbs(args[0]), []byte(text), 0o600))
}

// sameCensus waits until a census gives what the file has.
func sameCensus(s *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		s.Fatalf("usage: same-census file")
	}
	want := s.ReadFile(args[0])
	var got string
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		var err error
		got, err = theDaemon(s).count()
		s.Check(err)
		if got == want {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("left after 10 s:\nbefore:\n%s\nnow:\n%s", want, got)
		}
	}
}

// count is the census as lines of a name and a number.
func (d *daemon) count() (string, error) {
	var b strings.Builder
	line := func(name string, n int, err error) error {
		fmt.Fprintf(&b, "%-24s %d\n", name, n)
		return err
	}
	links, err := net.Interfaces()
	if err := line("links", len(links), err); err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err := line("mounts", strings.Count(string(mounts), d.dir), err); err != nil {
		return "", err
	}
	rules, err := exec.Command("nft", "list", "ruleset").Output()
	if err := line("rules", strings.Count(string(rules), "\n"), err); err != nil {
		return "", err
	}
	for _, f := range []struct{ name, pattern string }{
		{"network namespaces", d.dir + "/run/netns/*"},
		{"statuses", d.dir + "/run/containers/*"},
		{"records of the keeper", d.dir + "/run/keeper/*"},
		{"folders of containers", d.dir + "/data/containers/*"},
		{"layers", d.dir + "/data/overlay2/*"},
		{"names of layers", d.dir + "/data/overlay2/l/*"},
		{"mount ids", d.dir + "/data/image/*/layerdb/mounts/*"},
		{"volumes", d.dir + "/data/volumes/*"},
		{"control groups", "/sys/fs/cgroup/*/" + d.cgroup() + "/*/cgroup.procs"},
	} {
		found, err := filepath.Glob(f.pattern)
		if err := line(f.name, len(found), err); err != nil {
			return "", err
		}
	}
	return b.String(), d.countProcesses(line)
}

func (d *daemon) countProcesses(line func(string, int, error) error) error {
	for _, p := range []struct {
		name, stacks string
		pid          int
	}{{"dockerd", d.dir + "/run", d.c.Process.Pid}, {"keeper", d.dir + "/run/keeper", d.keeper()}} {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
		if err := line("descriptors of "+p.name, len(files), err); err != nil {
			return err
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.pid, p.pid))
		if err := line("children of "+p.name, len(strings.Fields(string(children))), err); err != nil {
			return err
		}
		n, err := goroutines(p.pid, p.stacks)
		if err := line("goroutines of "+p.name, n, err); err != nil {
			return err
		}
	}
	return nil
}

// goroutines asks a process for its stacks and counts them.
func goroutines(pid int, dir string) (int, error) {
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		return 0, err
	}
	for range 200 {
		time.Sleep(10 * time.Millisecond)
		found, _ := filepath.Glob(dir + "/goroutine-stacks-*.log")
		if len(found) == 0 {
			continue
		}
		time.Sleep(20 * time.Millisecond) // until it is written whole
		raw, err := os.ReadFile(found[0])
		return strings.Count("\n"+string(raw), "\ngoroutine "), errors.Join(err, os.Remove(found[0]))
	}
	return 0, fmt.Errorf("process %d gave no stacks", pid)
}
