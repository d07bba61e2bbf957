package runc

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// apartMounts marks the copy of this test that has mounts of its own.
const apartMounts = "BOX_RUNC_TEST"

// init keeps the main thread for the main goroutine: libcontainer's threads are in containers' mount namespaces, and /proc/self is the main one.
func init() { goruntime.LockOSThread() }

// TestMain runs the tests in a mount namespace of their own.
func TestMain(m *testing.M) {
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

// TestSameInEveryRuntime starts each spec of the table under box, runc and, where it is installed, crun, and compares what a program finds in the container
// and what its control groups have. Every difference needs a reason in the table of those, and every reason a difference.
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
	probe := filepath.Join(t.TempDir(), "probe")
	if out, err := exec.Command("gcc", "-static", "-o", probe, "testdata/probe.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v: %s", err, out)
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

// difference is what may differ between box and another runtime. A line begins with who has it and the other has not.
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

// apart are the lines that one of two lists has more of.
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

// started is a probe that runs.
type started struct {
	out   io.ReadCloser
	in    io.Closer // its input, nil on a terminal
	pid   int
	close func() // waits for its end and takes the container away
}

// look is all that the probe says and that its control groups have, each line in a form that is the same whoever made it.
func (w *world) look(s started) []string {
	w.t.Helper()
	defer s.close()
	var list []string
	lines := bufio.NewScanner(s.out)
	lines.Buffer(nil, 1<<20)
	done := false
	for !done && lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		if done = line == "end"; done {
			break
		}
		if line = w.plain(line); line != "" {
			list = append(list, line)
		}
	}
	if !done {
		w.t.Fatalf("the probe ended early: %v: %q", lines.Err(), list)
	}
	return append(list, w.groups(s.pid)...)
}

var namespace = regexp.MustCompile(`^namespace\t(\w+) (\w+:\[\d+\])$`)

// plain takes from a line what is another's in each container.
func (w *world) plain(line string) string {
	kind, text, _ := strings.Cut(line, "\t")
	text = strings.NewReplacer(w.root, "ROOT", w.dir, "DIR", w.group, "GROUP", w.id, "ID").Replace(text)
	switch kind {
	case "namespace":
		if m := namespace.FindStringSubmatch(line); m != nil {
			text = m[1] + " own"
			for name, link := range w.namespaces {
				if link == m[2] {
					text = m[1] + " " + name
				}
			}
		}
	case "status":
		name, value, _ := strings.Cut(text, ":")
		switch name {
		case "NSpid", "NSpgid", "NSsid":
			if value = strings.TrimSpace(value); value != "1" {
				value = "not 1"
			}
			text = name + ": " + value
		case "SigQ":
			_, limit, _ := strings.Cut(value, "/")
			text = name + ": " + limit
		}
	case "mount":
		f := strings.Fields(text)
		dash := slices.Index(f, "-")
		if dash < 6 || len(f) < dash+4 {
			w.t.Fatalf("mountinfo: %q", text)
		}
		tags := regexp.MustCompile(`:\d+`).ReplaceAllString(strings.Join(f[6:dash], ","), "")
		text = fmt.Sprintf("%s of %s: %s %s %s %s %s", f[4], f[3], f[5], tags, f[dash+1], f[dash+2], f[dash+3])
	}
	return kind + " " + text
}

// groupFiles are read of the control groups, of both versions.
var groupFiles = []string{
	"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness", "memory.oom_control",
	"cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.rt_runtime_us", "cpuset.cpus", "cpuset.mems", "pids.max", "devices.list", "freezer.state",
	"blkio.weight", "blkio.bfq.weight", "blkio.throttle.read_bps_device", "blkio.throttle.write_iops_device",
	"memory.max", "memory.swap.max", "memory.low", "memory.high", "memory.oom.group", "cpu.max", "cpu.weight", "io.max", "io.weight", "io.bfq.weight", "cgroup.freeze",
}

// groups reads the control groups of a process.
func (w *world) groups(pid int) (list []string) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		controller := strings.TrimPrefix(parts[1], "name=")
		list = append(list, "in group "+controller+" "+strings.NewReplacer(w.group, "GROUP", w.id, "ID").Replace(parts[2]))
		for _, name := range groupFiles {
			text, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", controller, parts[2], name))
			if err != nil || strings.Contains(parts[2], "..") || parts[2] == "/" {
				continue
			}
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(line, "oom_kill ") {
					list = append(list, "limit "+name+": "+strings.TrimSpace(line))
				}
			}
		}
	}
	return list
}

// inProcess starts the probe by a runtime that is built in.
func (w *world) inProcess(name string) started {
	t := w.t
	t.Helper()
	w.fresh()
	s, filter := w.spec(), w.filter
	var r runtime.Runtime
	var err error
	if name == "box" {
		s.Linux.Seccomp = nil
		r, err = runtime.New()
	} else {
		filter = nil
		r, err = New(filepath.Join(w.dir, "state"))
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Create(w.id, s, filter)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	first := *s.Process
	if w.c.exec != nil {
		first.Terminal, first.Args, first.ConsoleSize = false, []string{"/bin/sleep", "1000"}, nil
	}
	run := start1(t, name, c.Start, &first)
	last := run
	if w.c.exec != nil {
		last = start1(t, name, c.Exec, w.execProcess(s))
	}
	last.close = func() {
		if last.in != nil {
			last.in.Close()
		} else if f, ok := last.out.(*os.File); ok {
			_, _ = f.WriteString("\n")
		}
		if code := wait(t, last.pid); code != 42 {
			t.Errorf("%s: the probe ended with %d", name, code)
		}
		if last.pid != run.pid {
			_ = unix.Kill(run.pid, unix.SIGKILL)
			wait(t, run.pid)
			run.out.Close()
		}
		last.out.Close()
		remove(t, c.Delete)
	}
	return last
}

func start1(t *testing.T, name string, start func(*specs.Process, runtime.Streams) (int, *os.File, error), p *specs.Process) started {
	t.Helper()
	if p.Terminal {
		pid, terminal, err := start(p, runtime.Streams{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return started{out: terminal, pid: pid}
	}
	inFar, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, outFar, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	far := runtime.Streams{Stdin: inFar, Stdout: outFar, Stderr: outFar}
	defer far.Close()
	pid, _, err := start(p, far)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return started{out: out, in: in, pid: pid}
}

func wait(t *testing.T, pid int) int {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); time.Now().Before(limit); time.Sleep(2 * time.Millisecond) {
		var ws unix.WaitStatus
		if got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil); got == pid {
			return ws.ExitStatus()
		} else if err != nil && err != unix.EINTR {
			t.Fatalf("wait for %d: %v", pid, err)
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	t.Fatalf("process %d does not end", pid)
	return 0
}

func remove(t *testing.T, del func() error) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		err := del()
		if err == nil {
			return
		}
		if !errdefs.IsConflict(err) || time.Now().After(limit) {
			t.Errorf("delete: %v", err)
			return
		}
	}
}

// byCrun starts the probe by crun, as an engine would.
func (w *world) byCrun(string) started {
	t := w.t
	t.Helper()
	w.fresh()
	s := w.spec()
	s.Version = "1.0.2" // Debian's crun knows none of 2023
	bundle := filepath.Join(w.dir, "bundle")
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	crun := func(args ...string) *exec.Cmd {
		// A tree of cgroup v2 with controllers beside those of v1 is a mistake to crun.
		apart := `if mount --make-private /sys/fs/cgroup/unified; then mount --make-private /sys/fs/cgroup && umount /sys/fs/cgroup/unified; fi 2>/dev/null; exec "$0" "$@"`
		return exec.Command("unshare", append([]string{"-m", "--propagation", "unchanged", "sh", "-c", apart,
			"crun", "--root", filepath.Join(w.dir, "crun"), "--cgroup-manager", "cgroupfs"}, args...)...)
	}
	first := *s.Process
	if w.c.exec != nil {
		first.Terminal, first.Args, first.ConsoleSize = false, []string{"/bin/sleep", "1000"}, nil
	}
	process := s.Process
	s.Process = &first
	write(t, filepath.Join(bundle, "config.json"), s)
	run := begin(t, w.dir, first.Terminal, crun, "run", "--bundle", bundle, w.id)
	last := run
	state := func() (pid int) {
		for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
			raw, err := crun("state", w.id).Output()
			var st specs.State
			if err == nil && json.Unmarshal(raw, &st) == nil && st.Status == "running" {
				return st.Pid
			}
		}
		raw, _ := io.ReadAll(io.LimitReader(run.out, 4000))
		t.Fatalf("crun does not say that it runs: %s", raw)
		return 0
	}
	pid := state()
	if w.c.exec != nil {
		s.Process = process
		p := w.execProcess(s)
		write(t, filepath.Join(bundle, "process.json"), p)
		last = begin(t, w.dir, p.Terminal, crun, "exec", "--process", filepath.Join(bundle, "process.json"), w.id)
	}
	end, endRun := last.close, run.close
	last.pid = pid
	last.close = func() {
		end()
		if w.c.exec != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			endRun()
		}
		_ = crun("delete", "--force", w.id).Run()
	}
	return last
}

// begin runs a command of crun's that lasts as long as the program.
func begin(t *testing.T, dir string, terminal bool, crun func(...string) *exec.Cmd, verb string, args ...string) started {
	t.Helper()
	if terminal {
		socket := filepath.Join(dir, "console")
		_ = os.Remove(socket)
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cmd := crun(append([]string{verb, "--console-socket", socket}, args...)...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		if _, err := cmd.StdinPipe(); err != nil { // crun gives what it has there to the program's user, the host's /dev/null too
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = l.SetDeadline(time.Now().Add(10 * time.Second))
		conn, err := l.AcceptUnix()
		if err != nil {
			_ = cmd.Process.Kill()
			t.Fatalf("crun: %v %v: %s", err, cmd.Wait(), said.String())
		}
		defer conn.Close()
		f, err := conn.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := unix.SetNonblock(int(f.Fd()), false); err != nil {
			t.Fatal(err)
		}
		master, err := receive(f)
		if err != nil {
			t.Fatal(err)
		}
		return started{out: master, close: func() {
			_, _ = master.WriteString("\n")
			_ = cmd.Wait()
			master.Close()
		}}
	}
	cmd := crun(append([]string{verb}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, far, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = far, far
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	far.Close()
	return started{out: out, in: in, close: func() {
		in.Close()
		var x *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &x) {
			t.Errorf("crun %s: %v", verb, err)
		}
		out.Close()
	}}
}

func write(t *testing.T, name string, v any) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err == nil {
		err = os.WriteFile(name, raw, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
