package runtime

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime/runtimetest"
	"box/engine/seccomp"
)

// startKind is a kind of container, or of further program if exec is set.
type startKind struct {
	what    string
	exec    bool
	filter  bool
	confine bool // names what this machine's kernel may not have: its steps are not carried out
	alter   func(*testing.T, *specs.Spec)
}

func startKinds() []startKind {
	terminal := func(_ *testing.T, s *specs.Spec) {
		s.Process.Terminal, s.Process.ConsoleSize = true, &specs.Box{Height: 33, Width: 44}
	}
	user := func(_ *testing.T, s *specs.Spec) {
		s.Process.User, s.Process.Cwd = specs.User{UID: 12, GID: 34, AdditionalGids: []uint32{5, 6}}, "/new/folder"
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NPROC", Soft: 100, Hard: 100},
			{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 64}}
	}
	restricted := func(_ *testing.T, s *specs.Spec) { s.Process.NoNewPrivileges = true }
	named := func(_ *testing.T, s *specs.Spec) {
		s.Process.ApparmorProfile, s.Process.SelinuxLabel = "docker-default", "a:b:c"
	}
	joined := func(_ *testing.T, s *specs.Spec) { s.Linux.Namespaces[4].Path = "/proc/self/ns/pid" }
	hosts := func(_ *testing.T, s *specs.Spec) {
		s.Linux.Namespaces = s.Linux.Namespaces[:1]
		s.Linux.Sysctl = nil
		s.Hostname = ""
	}
	groups := func(_ *testing.T, s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs"},
			specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}})
	}
	both := func(a, b func(*testing.T, *specs.Spec)) func(*testing.T, *specs.Spec) {
		return func(t *testing.T, s *specs.Spec) { a(t, s); b(t, s) }
	}
	return []startKind{
		{what: "plain"},
		{what: "terminal", alter: terminal},
		{what: "user and working folder", alter: user},
		{what: "working folder that is a descriptor", alter: func(_ *testing.T, s *specs.Spec) {
			s.Process.Cwd = "/link"
			_ = os.Symlink("/bin", s.Root.Path+"/link")
		}},
		{what: "read-only", alter: func(_ *testing.T, s *specs.Spec) { s.Root.Readonly = true }},
		{what: "propagation", alter: func(_ *testing.T, s *specs.Spec) { s.Linux.RootfsPropagation = "rshared" }},
		{what: "filter", filter: true},
		{what: "no new privileges", filter: true, alter: restricted},
		{what: "binds", alter: binds},
		{what: "control groups", alter: groups},
		{what: "joined PID namespace", alter: joined},
		{what: "joined PID namespace and terminal", alter: both(joined, terminal)},
		{what: "namespaces of the host's", alter: hosts},
		{what: "user namespace", alter: userSpace},
		{what: "user namespace, terminal and binds", alter: both(userSpace, both(terminal, binds))},
		{what: "user namespace, user and read-only",
			alter: both(userSpace, both(user, func(_ *testing.T, s *specs.Spec) { s.Root.Readonly = true }))},
		{what: "confined", confine: true, alter: named},
		{what: "confined with a terminal", confine: true, alter: both(named, terminal)},
		{what: "exec", exec: true},
		{what: "exec with a terminal", exec: true, alter: terminal},
		{what: "exec as a user", exec: true, alter: user},
		{what: "exec with a filter", exec: true, filter: true},
		{what: "exec with a filter and no new privileges", exec: true, filter: true, alter: restricted},
		{what: "exec among the host's processes", exec: true, alter: hosts},
		{what: "exec in a user namespace", exec: true, alter: userSpace},
		{what: "exec in a user namespace as a user", exec: true, alter: both(userSpace, user)},
		{what: "exec in a user namespace with a terminal", exec: true, alter: both(userSpace, terminal)},
		{what: "exec, confined", exec: true, confine: true, alter: named},
	}
}

func binds(t *testing.T, s *specs.Spec) {
	for _, options := range [][]string{{"rbind", "ro", "rprivate"}, {"bind", "rslave"}} {
		s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: t.TempDir(), Destination: "/b/" + options[0],
			Options: options})
	}
	s.Mounts = append(s.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/t", Options: []string{"ro"}})
}

// userSpace gives a container a user namespace and a network namespace that belongs to it.
func userSpace(t *testing.T, s *specs.Spec) {
	t.Helper()
	const first = 100000
	// Not by Go's clone(2): a copy lacks the heap that a start hides (hideHeap).
	holder := exec.Command("busybox", "unshare", "-U", "-n", "sleep", "1000")
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	}()
	dir := fmt.Sprintf("/proc/%d/", holder.Process.Pid)
	for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		ours, _ := os.Readlink("/proc/self/ns/net")
		theirs, err := os.Readlink(dir + "ns/net")
		if err == nil && theirs != ours {
			break
		} else if err != nil || time.Now().After(limit) {
			t.Fatalf("no user namespace: %v", err)
		}
	}
	held := map[string]string{} // paths of descriptors, as the process ends
	for _, kind := range []string{"user", "net"} {
		f, err := os.Open(dir + "ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		held[kind] = fmt.Sprint("/proc/self/fd/", f.Fd())
	}
	for _, file := range []string{"uid_map", "gid_map"} {
		if err := os.WriteFile(dir+file, fmt.Appendf(nil, "0 %d 65536", first), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Dir(s.Root.Path), 0o755); err != nil { // the namespace's root must get there
		t.Fatal(err)
	}
	err := filepath.WalkDir(s.Root.Path, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, first, first)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Linux.Namespaces {
		if s.Linux.Namespaces[i].Type == specs.NetworkNamespace {
			s.Linux.Namespaces[i].Path = held["net"]
		}
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace, Path: held["user"]})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: first, Size: 65536}}
	s.Linux.GIDMappings = s.Linux.UIDMappings
}

// allows returns a filter that refuses only a call that nobody makes.
func allows() *seccomp.Filter {
	var p []byte
	for _, s := range []struct {
		code   uint16
		jt, jf byte
		k      uint32
	}{
		{unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, 0, 0, 0},
		{unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, 0, 1, unix.SYS_ACCT},
		{unix.BPF_RET | unix.BPF_K, 0, 0, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{unix.BPF_RET | unix.BPF_K, 0, 0, unix.SECCOMP_RET_ALLOW},
	} {
		p = binary.NativeEndian.AppendUint16(p, s.code)
		p = binary.NativeEndian.AppendUint32(append(p, s.jt, s.jf), s.k)
	}
	return &seccomp.Filter{Program: p}
}

// planned writes down the start of a kind, whose program is args. For a further program, the container runs.
// Everything ends with the test.
func planned(t *testing.T, k *startKind, args ...string) (st *starting, spec *specs.Spec, flags uintptr) {
	t.Helper()
	spec = runtimetest.Spec(t, runtimetest.BusyboxRoot(t))
	if k.alter != nil {
		k.alter(t, spec)
	}
	spec.Process.Args = args
	c := newContainer(t, "kind", spec)
	if k.filter {
		c.record.Filter = allows()
	}
	p := *spec.Process
	var sp spaces
	var err error
	if k.exec {
		first := p
		first.ApparmorProfile, first.SelinuxLabel, first.Terminal = "", "", false
		r, err := launch(c.Start, first, "sleep", "1000")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = unix.Kill(r.Pid, unix.SIGKILL)
			r.End(t)
		})
		sp, err = spacesWithin(r.Pid, c.record.Spaces)
		if err != nil {
			t.Fatal(err)
		}
	} else if sp, err = spacesOf(spec.Linux.Namespaces); err != nil {
		t.Fatal(err)
	}
	st, err = c.prepare(&p, Streams{}, sp)
	t.Cleanup(st.close)
	if err != nil {
		t.Fatal(err)
	}
	if k.exec {
		err = st.planExec()
	} else {
		flags, err = st.planInit()
	}
	if err != nil {
		t.Fatal(err)
	}
	return st, spec, flags
}
