package runc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"box/engine/runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// byCrun starts the probe with crun, as an engine would.
func (w *world) byCrun(string) started {
	t := w.t
	t.Helper()
	w.fresh()
	s := w.spec()
	s.Version = "1.0.2" // Debian's crun does not know versions of 2023
	bundle := filepath.Join(w.dir, "bundle")
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		t.Fatal(err)
	}
	crun := func(args ...string) *exec.Cmd {
		args = append([]string{"crun", "--root", filepath.Join(w.dir, "crun"), "--cgroup-manager", "cgroupfs"}, args...)
		if !mounted("/sys/fs/cgroup/unified") {
			return exec.Command(args[0], args[1:]...)
		}
		// crun refuses a v2 tree with controllers beside those of v1.
		const apart = `mount --make-private /sys/fs/cgroup/unified && mount --make-private /sys/fs/cgroup &&
			umount /sys/fs/cgroup/unified && exec "$@"`
		return exec.Command("unshare", append([]string{"-m", "--propagation", "unchanged", "sh", "-c", apart, "sh"},
			args...)...)
	}
	first := *s.Process
	if w.c.exec != nil {
		first.Terminal, first.Args, first.ConsoleSize = false, []string{"/bin/sleep", "1000"}, nil
	}
	process := s.Process
	s.Process = &first
	write(t, filepath.Join(bundle, "config.json"), s)
	var run started
	pid := 0
	for try := 0; pid == 0; try++ {
		var said string
		if run, said = begin(t, w.dir, first.Terminal, crun, "run", "--bundle", bundle, w.id); said == "" {
			pid, said = runs(crun, w.id, run.out)
		}
		if pid > 0 {
			break
		}
		// A keeper elsewhere on this host may mount its hierarchy, or end, while crun mounts those that it has read
		// of.
		if try == 5 || !strings.Contains(said, "/sys/fs/cgroup/box") {
			t.Fatalf("crun does not say that it runs: %s", said)
		}
		_ = crun("delete", "--force", w.id).Run()
	}
	last := run
	if w.c.exec != nil {
		s.Process = process
		p := w.execProcess(s)
		write(t, filepath.Join(bundle, "process.json"), p)
		var said string
		last, said = begin(t, w.dir, p.Terminal, crun, "exec", "--process", filepath.Join(bundle, "process.json"), w.id)
		if said != "" {
			t.Fatal("crun: ", said)
		}
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

// runs waits until crun reports a container as running and returns its process, or else what crun said.
func runs(crun func(...string) *exec.Cmd, id string, out io.Reader) (pid int, said string) {
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		raw, err := crun("state", id).Output()
		var st specs.State
		if err == nil && json.Unmarshal(raw, &st) == nil && st.Status == "running" {
			return st.Pid, ""
		}
	}
	raw, _ := io.ReadAll(io.LimitReader(out, 4000))
	return 0, "nothing: " + string(raw)
}

// begin runs a crun command that lasts as long as the program. If no terminal comes, said is what crun said.
func begin(t *testing.T, dir string, terminal bool, crun func(...string) *exec.Cmd, verb string,
	args ...string) (_ started, said string) {
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
		var text strings.Builder
		cmd.Stdout, cmd.Stderr = &text, &text
		// Crun makes the program's user the owner of its standard input, even of the host's /dev/null.
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_ = l.SetDeadline(time.Now().Add(time.Minute))
		conn, err := l.AcceptUnix()
		if err != nil {
			_ = cmd.Process.Kill()
			return started{}, fmt.Sprintf("%v %v: %s", err, cmd.Wait(), text.String())
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
		master, err := runtime.ReceiveTerminal(f)
		if err != nil {
			t.Fatal(err)
		}
		return started{out: master, close: func() {
			_, _ = master.WriteString("\n")
			_ = cmd.Wait()
			master.Close()
		}}, ""
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
	}}, ""
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
