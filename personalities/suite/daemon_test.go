package suite

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// daemon is one dockerd below the folder of a script.
type daemon struct {
	box, dir string
	c        *exec.Cmd
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "docker.sock") }

// cgroup is the parent of the containers' control groups, which all daemons of a host share.
func (d *daemon) cgroup() string { return "box-" + filepath.Base(d.dir) + strconv.Itoa(os.Getpid()) }

// busyboxDaemon is a daemon that has the image busybox; it ends with the test.
func busyboxDaemon(t *testing.T) *daemon {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("not root: containers are started")
	}
	d := &daemon{box: os.Getenv("BOX_BINARY"), dir: t.TempDir()}
	t.Cleanup(d.end)
	fatal(t, d.start())
	image := filepath.Join(d.dir, "busybox.tar")
	fatal(t, busyboxImage(image))
	d.docker(t, "load", "-qi", image)
	return d
}

// docker runs a command of the client's, which must succeed, and returns what it says.
func (d *daemon) docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(d.box, append([]string{"docker", "-H", d.host()}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %s", args, out)
	}
	return strings.TrimSpace(string(out))
}

// defaultRuntime is that of containers that name none: BOX_RUNTIME, or box's own.
func defaultRuntime() string { return cmp.Or(os.Getenv("BOX_RUNTIME"), "box") }

// start returns when the API answers.
func (d *daemon) start(flags ...string) error {
	log, err := os.OpenFile(filepath.Join(d.dir, "dockerd.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if !slices.Contains(flags, "--default-runtime") {
		flags = append([]string{"--default-runtime", defaultRuntime()}, flags...)
	}
	d.c = exec.Command(d.box, append([]string{
		"dockerd", "-H", d.host(), "--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "run"),
		"--pidfile", filepath.Join(d.dir, "docker.pid"), "--shutdown-timeout", "2", "--cgroup-parent", d.cgroup(),
	}, flags...)...)
	d.c.Stderr, d.c.Stdout = log, log
	if err := d.c.Start(); err != nil {
		return err
	}
	for range 3000 {
		if d.answers() {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	return fmt.Errorf("dockerd does not answer: %w: %s", errors.Join(d.signal(syscall.SIGKILL)), said)
}

// answers tells whether the API replies: the socket is there before what the last daemon left has been put in order.
func (d *daemon) answers() bool {
	c, err := net.Dial("unix", filepath.Join(d.dir, "docker.sock"))
	if err != nil {
		return false
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /_ping HTTP/1.0\r\n\r\n"); err != nil {
		return false
	}
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	reply, err := io.ReadAll(c)
	return err == nil && strings.Contains(string(reply), "200 OK")
}

// signal ends the daemon.
func (d *daemon) signal(sig syscall.Signal) error {
	if d.c == nil {
		return nil
	}
	err := d.c.Process.Signal(sig)
	_ = d.c.Wait() // how it ended is the script's matter
	d.c = nil
	return err
}

func (d *daemon) restart(s *testscript.TestScript, flags []string) {
	s.Check(d.signal(syscall.SIGTERM))
	s.Check(d.start(flags...))
}

// end stops what a script left: containers, daemon, keeper and mounts, which the removal of the folder must not go
// into.
func (d *daemon) end() {
	defer unmountBelow(d.dir)
	defer killBelow(d.dir)
	if d.c == nil && d.start() != nil {
		return
	}
	c := exec.Command(d.box, "docker", "-H", d.host(), "ps", "-aq")
	if ids, err := c.Output(); err == nil {
		_ = exec.Command(d.box, append([]string{"docker", "-H", d.host(), "rm", "-fv"},
			strings.Fields(string(ids))...)...).Run()
	}
	_ = d.signal(syscall.SIGTERM)
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + d.cgroup())
	for _, g := range append(groups, "/sys/fs/cgroup/"+d.cgroup()) {
		_ = os.Remove(g)
	}
}

// keeper is the pid of the daemon's keeper, 0 for none.
func (d *daemon) keeper() int {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range found {
		raw, _ := os.ReadFile(p)
		if strings.Contains(string(raw), "\x00keeper\x00") && strings.Contains(string(raw),
			"\x00--state\x00"+filepath.Join(d.dir, "run")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
			return pid
		}
	}
	return 0
}

func (d *daemon) killKeeper() error {
	pid := d.keeper()
	if pid == 0 {
		return errors.New("no keeper runs")
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// killBelow kills what still runs with a path below dir among its arguments, and all that it started: daemons and
// keepers that a script began itself and did not come to end.
func killBelow(dir string) {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	children := map[int][]int{}
	var doomed []int
	for _, p := range found {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		stat, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "stat"))
		if _, after, ok := strings.Cut(string(stat), ") "); ok {
			parent, _ := strconv.Atoi(strings.Fields(after)[1])
			children[parent] = append(children[parent], pid)
		}
		if raw, _ := os.ReadFile(p); pid != os.Getpid() && strings.Contains(string(raw), dir+"/") {
			doomed = append(doomed, pid)
		}
	}
	for len(doomed) > 0 {
		pid := doomed[0]
		doomed = append(doomed[1:], children[pid]...)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// unmountBelow detaches all that is mounted in dir, the last first.
func unmountBelow(dir string) {
	raw, _ := os.ReadFile("/proc/self/mountinfo")
	lines := strings.Split(string(raw), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if w := strings.Fields(lines[i]); len(w) > 4 && strings.HasPrefix(w[4], dir+"/") {
			_ = syscall.Unmount(w[4], syscall.MNT_DETACH)
		}
	}
}
