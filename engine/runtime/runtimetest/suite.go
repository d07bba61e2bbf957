package runtimetest

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Container is what the suite needs of a container.
type Container struct{ Start, Exec Start }

// Runtime is the runtime under test.
type Runtime struct {
	// Create makes a container, which is deleted with all that it has when the test ends.
	Create func(t *testing.T, id string, spec *specs.Spec) Container
	Words  map[string]string // its own texts where they differ, by the name of the row
	Keeps  []string          // ends of the targets of descriptors that it keeps for later
}

type suite struct{ Runtime }

// Suite tests r with programs in containers.
func Suite(t *testing.T, r Runtime) {
	s := &suite{r}
	t.Run("start", s.starts)
	t.Run("exec", s.execs)
	t.Run("stopped", s.stopped)
	t.Run("at once", s.atOnce)
}

// said returns the runtime's own text for a row, or the usual one.
func (s *suite) said(what, usual string) string {
	if own, ok := s.Words[what]; ok {
		return own
	}
	return usual
}

// sleeper starts a container that runs until the test ends.
func (s *suite) sleeper(t *testing.T, args ...string) (Container, *specs.Spec) {
	t.Helper()
	spec := Spec(t, BusyboxRoot(t))
	Quiet(t, s.Keeps...)
	c := s.Create(t, "sleeper", spec)
	r, err := Launch(c.Start, *spec.Process, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Kill(r.Pid, unix.SIGKILL)
		r.End(t)
	})
	return c, spec
}

// starts tests a container's first program.
func (s *suite) starts(t *testing.T) {
	for _, c := range []struct {
		what  string
		alter func(*specs.Spec)
		args  []string
		code  int
		text  string // all of its output
		err   string // of the start, "" for none
	}{
		{what: "code", args: []string{"sh", "-c", "exit 7"}, code: 7},
		{what: "first process", args: []string{"sh", "-c", "echo $$; hostname; cat /proc/1/comm; umask"},
			text: "1\ninside\nsh\n0022\n"},
		{what: "umask", alter: func(s *specs.Spec) { mask := uint32(0o27); s.Process.User.Umask = &mask },
			args: []string{"sh", "-c", "umask"}, text: "0027\n"},
		{what: "descriptors", args: []string{"sh", "-c",
			"ls /proc/self/fd | grep -v ^3; readlink /proc/self/fd/0; readlink /proc/1/cwd"},
			text: "0\n1\n2\n/dev/null\n/\n"},
		{what: "pipes that block", args: []string{"sh", "-c", "grep flags /proc/self/fdinfo/1"}, text: "flags:\t01\n"},
		{what: "capabilities", args: []string{"grep", "-E", "Cap(Prm|Bnd|Amb)", "/proc/self/status"},
			text: "CapPrm:\t00000000000000e1\nCapBnd:\t00000000000000e1\nCapAmb:\t0000000000000000\n"},
		{what: "user", alter: func(s *specs.Spec) {
			s.Process.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 7}}
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}}
		}, args: []string{"sh", "-c", "id -u; id -G; grep CapEff /proc/self/status; echo owner >/dev/stdout"},
			text: "1000\n1001 7\nCapEff:\t0000000000000000\nowner\n"},
		{what: "ambient", alter: func(s *specs.Spec) {
			s.Process.User.UID = 1000
			kill := []string{"CAP_KILL"}
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: kill, Permitted: kill, Inheritable: kill, Ambient: kill}
		}, args: []string{"grep", "CapEff", "/proc/self/status"}, text: "CapEff:\t0000000000000020\n"},
		{what: "working folder", alter: func(s *specs.Spec) { s.Process.Cwd = "/new/folder" }, args: []string{"pwd"},
			text: "/new/folder\n"},
		{what: "working folder outside", alter: func(s *specs.Spec) { s.Process.Cwd = "/proc/self/fd/7" },
			args: []string{"pwd"}, err: "chdir to cwd"},
		{what: "hidden", args: []string{"sh", "-c",
			"cat /proc/keys; echo x >/proc/sys/kernel/domainname || cat /proc/sys/net/ipv4/ip_default_ttl"},
			text: "sh: can't create /proc/sys/kernel/domainname: Read-only file system\n77\n"},
		{what: "mode and owner of what a file is masked with",
			args: []string{"sh", "-c", "chmod 600 /proc/keys; chown 1 /proc/keys; ls -l /dev/null | cut -c 1-10"}, code: 0,
			text: "chmod: /proc/keys: Read-only file system\nchown: /proc/keys: Read-only file system\ncrw-rw-rw-\n"},
		{what: "masked folder", alter: func(s *specs.Spec) { _ = os.MkdirAll(s.Root.Path+"/masked/secret", 0o755) },
			args: []string{"sh", "-c", "ls /masked; touch /masked/x"}, code: 1,
			text: "touch: /masked/x: Read-only file system\n"},
		{what: "read-only root", alter: func(s *specs.Spec) { s.Root.Readonly = true }, args: []string{"touch", "/x"},
			code: 1,
			text: "touch: /x: Read-only file system\n"},
		{what: "devices", args: []string{"sh", "-c",
			"echo x >/dev/null && ls -d /dev/full && readlink /dev/fd; readlink /dev/ptmx"},
			text: "/dev/full\n/proc/self/fd\npts/ptmx\n"},
		{what: "terminal", alter: func(s *specs.Spec) {
			s.Process.Terminal, s.Process.ConsoleSize = true, &specs.Box{Height: 33, Width: 444}
		},
			args: []string{"sh", "-c", "stty size; readlink /proc/self/fd/0; echo x >/dev/tty; echo y >/dev/console"},
			text: "33 444\n/dev/pts/0\nx\ny\n"},
		{what: "few files", alter: func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 4, Hard: 5}}
		}, args: []string{"sh", "-c", "ulimit -n; ulimit -Hn"}, text: "4\n5\n"},
		{what: "unknown limit", alter: func(s *specs.Spec) { s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_X"}} },
			args: []string{"true"}, err: "unknown resource limit"},
		{what: "no name", args: []string{""}, err: `exec: "": executable file not found in $PATH`},
		{what: "not in PATH", args: []string{"nothing"}, err: `exec: "nothing": executable file not found in $PATH`},
		{what: "no file", args: []string{"/bin/nothing"},
			err: `exec: "/bin/nothing": stat /bin/nothing: no such file or directory`},
		{what: "folder", args: []string{"/bin"}, err: `exec: "/bin": is a directory`},
		{what: "not executable", alter: func(s *specs.Spec) { _ = os.WriteFile(s.Root.Path+"/text", nil, 0o644) },
			args: []string{"/text"}, err: `exec: "/text": permission denied`},
		{what: "no format", alter: func(s *specs.Spec) { _ = os.WriteFile(s.Root.Path+"/text", []byte("x"), 0o755) },
			args: []string{"/text"}, code: 255,
			text: "exec /text: exec format error\n"},
		{what: "no format on a terminal", alter: func(s *specs.Spec) {
			_ = os.WriteFile(s.Root.Path+"/text", []byte("x"), 0o755)
			s.Process.Terminal = true
		}, args: []string{"/text"}, code: 255, text: "exec /text: exec format error\n"},
		{what: "no arguments", err: "no program to execute"},
		{what: "no source", alter: func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: "/no/such", Destination: "/x",
				Options: []string{"rbind"}})
		}, args: []string{"true"}, err: `error mounting "/no/such" to rootfs at "/x"`},
		{what: "bind", alter: func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: s.Root.Path, Destination: "/var/link/x",
				Options: []string{"rbind", "ro", "rprivate"}})
			_ = os.Mkdir(s.Root.Path+"/var", 0o755)
			_ = os.Symlink("/run/gone", s.Root.Path+"/var/link")
		}, args: []string{"sh", "-c", "ls -d /run/gone/x/bin; touch /run/gone/x/y"}, code: 1,
			text: "/run/gone/x/bin\ntouch: /run/gone/x/y: Read-only file system\n"},
		{what: "bind on the root", alter: func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: "/bin", Destination: "/top",
				Options: []string{"rbind"}})
			_ = os.Symlink("bin/..", s.Root.Path+"/top")
		}, args: []string{"true"}, err: `mountpoint "/top" is on the top of rootfs`},
		{what: "bind in /proc", alter: func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: "/bin", Destination: "/link",
				Options: []string{"rbind"}})
			_ = os.Symlink("/proc/sys", s.Root.Path+"/link")
		}, args: []string{"true"}, err: `"/link" cannot be mounted because it is inside /proc`},
		{what: "other /proc", alter: func(s *specs.Spec) {
			s.Mounts[0] = specs.Mount{Type: "bind", Source: "/bin",
				Destination: "/proc"}
		},
			args: []string{"true"}, err: `"/proc" cannot be mounted because it is not of type proc`},
		{what: "/proc behind a link", alter: func(s *specs.Spec) { _ = os.Symlink("bin", s.Root.Path+"/proc") },
			args: []string{"true"}, err: "too many levels of symbolic links"},
		{what: "pids of the host", alter: func(s *specs.Spec) {
			s.Linux.Namespaces[4] = s.Linux.Namespaces[5]
			s.Linux.Namespaces = s.Linux.Namespaces[:5]
		}, args: []string{"sh", "-c", "[ $$ != 1 ] && ls -d /proc/1"}, text: "/proc/1\n"},
		{what: "pids that are joined", alter: func(s *specs.Spec) { s.Linux.Namespaces[4].Path = "/proc/self/ns/pid" },
			args: []string{"sh", "-c", "[ $$ != 1 ] && ls -d /proc/1"}, text: "/proc/1\n"},
	} {
		t.Run(c.what, func(t *testing.T) {
			spec := Spec(t, BusyboxRoot(t))
			Quiet(t, s.Keeps...)
			if c.alter != nil {
				c.alter(spec)
			}
			k := s.Create(t, "test", spec)
			r, err := Launch(k.Start, *spec.Process, c.args...)
			if err != nil {
				if want := s.said(c.what, c.err); want == "" || !strings.Contains(err.Error(), want) {
					t.Errorf("%v; want %q", err, want)
				}
				return
			}
			text, code := r.End(t)
			if want := s.said(c.what, c.text); text != want || code != c.code || c.err != "" {
				t.Errorf("says %q and ends with %d; want %q and %d, or %q", text, code, want, c.code, c.err)
			}
		})
	}
}

// execs tests further programs.
func (s *suite) execs(t *testing.T) {
	c, spec := s.sleeper(t, "sleep", "1000")
	user := *spec.Process
	user.User, user.Capabilities, user.Cwd = specs.User{UID: 12, GID: 34}, nil, "/bin"
	terminal := *spec.Process
	terminal.Terminal = true
	few := *spec.Process
	few.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 3, Hard: 4}}
	open, none := *spec.Process, uint32(0)
	open.User.Umask = &none
	for _, e := range []struct {
		what string
		p    specs.Process
		args []string
		code int
		text string
		err  string
	}{
		{"code", *spec.Process, []string{"sh", "-c", "hostname; cat /proc/1/comm; umask; exit 5"}, 5, "inside\nsleep\n0022\n",
			""},
		{"umask of its own", open, []string{"sh", "-c", "umask"}, 0, "0000\n", ""},
		{"descriptors", *spec.Process, []string{"sh", "-c", "ls /proc/self/fd | grep -v ^3; readlink /proc/$$/cwd"}, 0,
			"0\n1\n2\n/\n", ""},
		{"session", *spec.Process, []string{"sh", "-c",
			`read pid comm state ppid group session rest </proc/self/stat; [ $session = $$ ] && echo own`}, 0, "own\n", ""},
		{"user", user, []string{"sh", "-c", "id -u; id -g; pwd; grep CapBnd /proc/self/status"}, 0,
			"12\n34\n/bin\nCapBnd:\t0000000000000000\n", ""},
		{"terminal", terminal, []string{"sh", "-c", "[ -t 0 ] && echo x >/dev/tty; ls /proc/self/fd | grep -v ^3"}, 0,
			"x\n0\n1\n2\n", ""},
		{"few files of its own", few, []string{"sh", "-c", "ulimit -n"}, 0, "3\n", ""},
		{"not in PATH", *spec.Process, []string{"nothing"}, 0, "", `exec: "nothing": executable file not found in $PATH`},
		{"not in PATH with a terminal", terminal, []string{"nothing"}, 0, "",
			`exec: "nothing": executable file not found in $PATH`},
	} {
		r, err := Launch(c.Exec, e.p, e.args...)
		if err != nil {
			if want := s.said(e.what, e.err); want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v; want %q", e.what, err, want)
			}
			continue
		}
		if text, code := r.End(t); text != s.said(e.what, e.text) || code != e.code || e.err != "" {
			t.Errorf("%s: says %q and ends with %d; want %q and %d, or %q", e.what, text, code, s.said(e.what, e.text), e.code,
				e.err)
		}
	}
}

// stopped tests exec in a container that keeps stopping all of its processes: the exec starts its program or says
// that it was stopped.
func (s *suite) stopped(t *testing.T) {
	c, spec := s.sleeper(t, "sh", "-c", "while :; do kill -STOP -1 2>/dev/null; done")
	for range 5 {
		r, err := Launch(c.Exec, *spec.Process, "true")
		if err != nil {
			if !strings.Contains(err.Error(), s.said("stopped", "process was stopped before it executed its program")) {
				t.Error(err)
			}
			continue
		}
		for { // until it has ended
			if raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.Pid)); err != nil ||
				strings.Contains(string(raw), ") Z ") {
				break
			}
			_ = unix.Kill(r.Pid, unix.SIGKILL)
			time.Sleep(time.Millisecond)
		}
		r.End(t)
	}
}

// atOnce starts many containers, and programs in them, side by side.
func (s *suite) atOnce(t *testing.T) {
	root := BusyboxRoot(t)
	Quiet(t, s.Keeps...)
	containers := make([]Container, 20)
	spec := Spec(t, root)
	for i := range containers {
		one := Spec(t, root)
		one.Linux.CgroupsPath += fmt.Sprint("-", i)
		containers[i] = s.Create(t, fmt.Sprint("test", i), one)
	}
	var all sync.WaitGroup
	for i, c := range containers {
		all.Go(func() {
			r, err := Launch(c.Start, *spec.Process, "sleep", "1000")
			if err != nil {
				t.Error(err)
				return
			}
			for range 3 {
				e, err := Launch(c.Exec, *spec.Process, "echo", fmt.Sprint(i))
				if err != nil {
					t.Error(err)
					continue
				}
				if text, code := e.End(t); text != fmt.Sprintln(i) || code != 0 {
					t.Errorf("says %q and ends with %d", text, code)
				}
			}
			_ = unix.Kill(r.Pid, unix.SIGKILL)
			r.End(t)
		})
	}
	all.Wait()
}
