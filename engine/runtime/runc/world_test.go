package runc

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/cgroup"
	"box/engine/seccomp"
	"box/engine/spec"
)

// world is what the containers of one spec share: each runtime in turn gets the same folders, names and namespaces.
type world struct {
	t          *testing.T
	c          *comparison
	dir, root  string
	id, group  string
	namespaces map[string]string // links of /proc/PID/ns by owner
	holder     *os.Process       // process whose namespaces are joined
	mapped     bool              // the user namespace of holder has ids
	filter     *seccomp.Filter   // the spec's profile, compiled for box
	probe      string
}

func newWorld(t *testing.T, probe string, c *comparison) *world {
	w := &world{t: t, c: c, dir: t.TempDir(), id: "compared", group: fmt.Sprintf("/box-compare-%d", os.Getpid()),
		probe: probe, namespaces: map[string]string{}}
	w.root = filepath.Join(w.dir, "root")
	for p := w.dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		w.must(os.Chmod(p, 0o755)) // the root of a user namespace must get there
	}
	for _, kind := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		w.must(err)
		w.namespaces["host's "+kind] = link
	}
	t.Cleanup(func() {
		for _, tree := range []string{"", "/*"} {
			found, _ := filepath.Glob("/sys/fs/cgroup" + tree + w.group)
			for _, dir := range found {
				_ = os.Remove(dir)
			}
		}
	})
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fresh makes the container's root anew.
func (w *world) fresh() {
	w.t.Helper()
	_ = unix.Unmount(w.root, unix.MNT_DETACH)
	w.must(os.RemoveAll(w.root))
	for _, d := range []string{"bin", "dev", "etc", "home", "proc", "sys", "tmp"} {
		w.must(os.MkdirAll(filepath.Join(w.root, d), 0o755))
	}
	w.must(unix.Chmod(w.root+"/tmp", 0o1777))
	for name, from := range map[string]string{"probe": w.probe, "busybox": "/bin/busybox"} {
		raw, err := os.ReadFile(from)
		w.must(err)
		w.must(os.WriteFile(w.root+"/bin/"+name, raw, 0o755))
	}
	for _, name := range []string{"sh", "sleep"} {
		w.must(os.Symlink("busybox", w.root+"/bin/"+name))
	}
	w.must(os.WriteFile(w.root+"/etc/passwd", []byte("root:x:0:0::/root:/bin/sh\n"), 0o644))
	w.must(os.WriteFile(w.root+"/etc/group", []byte("root:x:0:\n"), 0o644))
}

// spec returns what box makes of the client's request.
func (w *world) spec() *specs.Spec {
	w.t.Helper()
	t := w.t
	in := spec.Input{
		ID: w.id, Config: &api.Config{}, Host: &api.HostConfig{}, Root: w.root, User: w.c.user, Hostname: "inside",
		CgroupV2: cgroup.V2(),
		Args:     []string{"/bin/probe"}, Cgroup: w.group + "/" + w.id,
	}
	if in.User.Home == "" {
		in.User.Home = "/root"
	}
	for text, to := range map[string]any{w.c.config: in.Config, strings.ReplaceAll(w.c.host, "DISK", disk(t)): in.Host} {
		if text != "" {
			w.must(json.Unmarshal([]byte(text), to))
		}
	}
	if in.Config.Hostname != "" {
		in.Hostname = in.Config.Hostname
	}
	h := in.Host
	if h.MaskedPaths == nil {
		h.MaskedPaths = spec.MaskedPaths()
	}
	if h.ReadonlyPaths == nil {
		h.ReadonlyPaths = spec.ReadonlyPaths()
	}
	if h.IpcMode == "" {
		h.IpcMode = api.IPCModePrivate
	}
	if h.CgroupnsMode == "" {
		h.CgroupnsMode = api.CgroupnsModePrivate
	}
	if in.CgroupV2 {
		h.OomKillDisable = nil // as the engine does, with a warning
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	in.Args = append(append(in.Args, h.MaskedPaths...), h.ReadonlyPaths...)
	in.Args = append(in.Args, "/proc/sys/kernel/msgmax", "/proc/sys/net/ipv4/ip_default_ttl", "/etc/passwd", "/tmp",
		"/proc/self/mem")
	var err error
	in.Security, err = spec.ParseSecurity(h.SecurityOpt)
	w.must(err)
	in.Devices, in.Rules, err = spec.Devices(h)
	w.must(err)
	s, err := spec.Build(in)
	w.must(err)
	if !h.NetworkMode.IsHost() {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
	} else {
		s.Linux.Sysctl = nil
	}
	if w.c.alter != nil {
		w.c.alter(w, s)
	}
	bounding := s.Process.Capabilities.Bounding
	w.filter, err = new(spec.Filters).Of(in.Security, h.Privileged, bounding)
	w.must(err)
	s.Linux.Seccomp, err = spec.Profile(in.Security, h.Privileged, bounding)
	w.must(err)
	return s
}

// execProcess returns the probe as a further program.
func (w *world) execProcess(s *specs.Spec) *specs.Process {
	p := *s.Process
	if s.Process.Args[0] != "/bin/probe" {
		w.t.Fatal("not the probe")
	}
	p.OOMScoreAdj = nil
	w.c.exec(&p)
	return &p
}

// disk returns some block device.
func disk(t *testing.T) string {
	found, _ := filepath.Glob("/sys/block/*")
	for _, dir := range found {
		name := "/dev/" + filepath.Base(dir)
		if _, err := os.Stat(name); err == nil && !strings.HasPrefix(name, "/dev/loop") && !strings.HasPrefix(name,
			"/dev/ram") {
			return name
		}
	}
	if _, err := os.Stat("/dev/loop0"); err != nil {
		t.Skip("no block device is here")
	}
	return "/dev/loop0"
}

// bind mounts a folder of the test's.
func (w *world) bind(s *specs.Spec, target string, options []string) (source string) {
	w.t.Helper()
	source = filepath.Join(w.dir, "source", strings.ReplaceAll(target, "/", "-"))
	if err := os.MkdirAll(source, 0o755); err != nil {
		w.t.Fatal(err)
	}
	if !mounted(source) {
		w.must(unix.Mount(source, source, "", unix.MS_BIND, ""))
		w.must(unix.Mount("", source, "", unix.MS_SHARED, ""))
		w.t.Cleanup(func() { _ = unix.Unmount(source, unix.MNT_DETACH) })
	}
	s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: source, Destination: target, Options: options})
	return source
}

// mount mounts a tmpfs for the test.
func (w *world) mount(dir string) {
	w.t.Helper()
	if mounted(dir) {
		return
	}
	w.must(os.MkdirAll(dir, 0o755))
	w.must(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	w.t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func mounted(dir string) bool {
	raw, _ := os.ReadFile("/proc/self/mountinfo")
	return strings.Contains(string(raw), " "+dir+" ")
}

// hold starts a process whose namespaces can be joined.
func (w *world) hold(flags ...string) string {
	w.t.Helper()
	if w.holder == nil {
		c := exec.Command("busybox", append(append([]string{"unshare"}, flags...), "busybox", "sleep", "1000")...)
		w.must(c.Start())
		w.holder = c.Process
		w.t.Cleanup(func() {
			_ = c.Process.Kill()
			_ = c.Wait()
		})
		want := "/proc/" + itoa(c.Process.Pid) + "/ns/net"
		for limit := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			link, err := os.Readlink(want)
			w.must(err)
			if link != w.namespaces["host's net"] {
				break
			}
			if time.Now().After(limit) {
				w.t.Fatal("no namespaces to join")
			}
		}
	}
	return "/proc/" + itoa(w.holder.Pid)
}

// join replaces the container's own namespace with one of the holder's.
func (w *world) join(s *specs.Spec, kind specs.LinuxNamespaceType, file string) {
	w.t.Helper()
	dir := w.hold("-n", "-i", "-u")
	path := dir + "/ns/" + file
	if file == "pid" { // the host's, by another path
		path = "/proc/self/ns/pid"
	}
	if link, err := os.Readlink(path); err == nil && file != "pid" {
		w.namespaces["joined "+file] = link
	}
	for i := range s.Linux.Namespaces {
		if s.Linux.Namespaces[i].Type == kind {
			s.Linux.Namespaces[i].Path = path
		}
	}
	if file == "net" || file == "uts" {
		s.Linux.Sysctl = nil
	}
}

// users gives the container an existing user namespace and a network namespace that belongs to it.
func (w *world) users(s *specs.Spec) {
	w.t.Helper()
	const first = 100000
	dir := w.hold("-U", "-n")
	for kind, file := range map[specs.LinuxNamespaceType]string{specs.UserNamespace: "user",
		specs.NetworkNamespace: "net"} {
		link, err := os.Readlink(dir + "/ns/" + file)
		w.must(err)
		w.namespaces["joined "+file] = link
		there := false
		for i := range s.Linux.Namespaces {
			if s.Linux.Namespaces[i].Type == kind {
				s.Linux.Namespaces[i].Path, there = dir+"/ns/"+file, true
			}
		}
		if !there {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: dir + "/ns/" + file})
		}
	}
	if !w.mapped {
		w.mapped = true
		for _, file := range []string{"uid_map", "gid_map"} {
			w.must(os.WriteFile(dir+"/"+file, fmt.Appendf(nil, "0 %d 65536", first), 0))
		}
	}
	w.must(filepath.WalkDir(w.root, func(p string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, first, first)
	}))
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: first, Size: 65536}}
	s.Linux.GIDMappings = s.Linux.UIDMappings
	delete(s.Linux.Sysctl, "net.ipv4.ping_group_range")
}
