package runtimetest

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Running is a started program and its output.
type Running struct {
	Pid      int
	said     *os.File
	terminal bool
}

// Start starts a program, a container's first or a further one, with its ends of the standard streams.
type Start func(p *specs.Process, stdin, stdout, stderr *os.File) (pid int, terminal *os.File, err error)

// Launch starts a program with args.
func Launch(start Start, p specs.Process, args ...string) (*Running, error) {
	p.Args = args
	if p.Terminal {
		pid, terminal, err := start(&p, nil, nil, nil)
		return &Running{pid, terminal, true}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	pid, _, err := start(&p, nil, w, w)
	if err != nil {
		r.Close()
	}
	return &Running{pid, r, false}, err
}

// End waits for the program's end and returns its output and its exit code.
func (r *Running) End(t *testing.T) (text string, code int) {
	t.Helper()
	raw, err := io.ReadAll(r.said)
	r.said.Close()
	if err != nil && !r.terminal { // EIO is the end of a terminal
		t.Error(err)
	}
	return strings.ReplaceAll(string(raw), "\r", ""), Ended(t, r.Pid)
}

// Result launches a program and returns its output and its exit code.
func Result(t *testing.T, start Start, p specs.Process, args ...string) (text string, code int) {
	t.Helper()
	r, err := Launch(start, p, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return r.End(t)
}

// Quiet checks that the test leaves nothing in this process: no child, and no descriptor except those that the
// runtime keeps for later, whose targets end with one of keeps.
func Quiet(t *testing.T, keeps ...string) {
	t.Helper()
	before, had := Descriptors(t, keeps...), children()
	t.Cleanup(func() {
		Childless(t, had)
		after := Descriptors(t, keeps...)
		for limit := time.Now().Add(2 * time.Second); after != before &&
			time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
			runtime.GC() // handles of processes are closed when they are collected
			after = Descriptors(t, keeps...)
		}
		if after != before {
			t.Errorf("descriptors are left:\n%s\nbefore:\n%s", after, before)
		}
	})
}

// Ended waits for a program and returns its exit code, 128 and more for a signal. If that takes long, it also reaps
// what a failed start may have left, as a keeper does: the first process of a PID namespace ends only after all
// others were waited for.
func Ended(t *testing.T, pid int) int {
	t.Helper()
	var ws unix.WaitStatus
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		if got == pid {
			break
		}
		if err != nil && err != unix.EINTR {
			t.Fatalf("wait for %d: %v", pid, err)
		}
		if time.Since(began) > 2*time.Second {
			for other := range children() {
				if n, _ := strconv.Atoi(other); n != pid {
					_, _ = unix.Wait4(n, nil, unix.WNOHANG, nil)
				}
			}
			began = time.Now()
		}
	}
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// Childless fails the test if this process has children whose pids are not in before.
func Childless(t *testing.T, before map[string]bool) {
	t.Helper()
	for pid := range children() {
		if !before[pid] {
			state, _ := os.ReadFile("/proc/" + pid + "/stat")
			words, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			t.Errorf("a process is left: %s %q", state, words)
		}
	}
}

func children() map[string]bool {
	list := map[string]bool{}
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range found {
		raw, _ := os.ReadFile(file)
		f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:])) // proc_pid_stat(5): state, parent
		if len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			list[filepath.Base(filepath.Dir(file))] = true
		}
	}
	return list
}

// Descriptors lists this process's open descriptors, except those whose targets end with one of keeps.
func Descriptors(t *testing.T, keeps ...string) string {
	t.Helper()
	// The poller of os.File has descriptors of its own from the first use on.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !slices.ContainsFunc(keeps, func(k string) bool { return strings.HasSuffix(to, k) }) {
			names = append(names, e.Name()+" "+to)
		}
	}
	return strings.Join(names, "\n")
}
