package runc

import (
	"encoding/json"
	"errors"
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

// comparison is a container as a client asks for it; alter is for what no client can ask for, or what needs the test's folders.
type comparison struct {
	what   string
	host   string // HostConfig, as JSON
	config string // Config
	user   spec.Account
	alter  func(w *world, s *specs.Spec)
	exec   func(p *specs.Process) // the probe is a further program, which this changes
}

var someone = spec.Account{User: specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 7}}, Home: "/home"}

// compared are the specs.
var compared = []comparison{
	{what: "plain"},
	{what: "terminal", config: `{"Tty":true}`},
	{what: "terminal with a size", config: `{"Tty":true}`, host: `{"ConsoleSize":[33,144]}`},
	{what: "user", user: someone},
	{what: "user with a terminal", user: someone, config: `{"Tty":true}`},
	{what: "all capabilities", host: `{"CapAdd":["ALL"]}`},
	{what: "no capabilities", host: `{"CapDrop":["ALL"]}`},
	{what: "capabilities", host: `{"CapAdd":["NET_ADMIN","SYS_PTRACE"],"CapDrop":["CHOWN"]}`},
	{what: "capabilities of a user", host: `{"CapAdd":["NET_ADMIN"]}`, user: someone},
	{what: "ambient capabilities", user: someone, alter: func(_ *world, s *specs.Spec) {
		list := []string{"CAP_NET_BIND_SERVICE"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Permitted: list, Effective: list, Inheritable: list, Ambient: list}
	}},
	{what: "privileged", host: `{"Privileged":true}`},
	{what: "privileged with a terminal", host: `{"Privileged":true}`, config: `{"Tty":true}`},
	{what: "read-only", host: `{"ReadonlyRootfs":true}`},
	{what: "read-only with a terminal", host: `{"ReadonlyRootfs":true}`, config: `{"Tty":true}`},
	{what: "no new privileges", host: `{"SecurityOpt":["no-new-privileges"]}`},
	{what: "no new privileges of a user", host: `{"SecurityOpt":["no-new-privileges"]}`, user: someone},
	{what: "no filter", host: `{"SecurityOpt":["seccomp=unconfined"]}`},
	{what: "own filter", host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99}]}"]}`},
	{what: "filter with conditions", host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}],` +
		`\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":4660,\"op\":\"SCMP_CMP_EQ\"}]}]}"]}`},
	{what: "filter that kills", host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}"]}`},
	{what: "few files", host: `{"Ulimits":[{"Name":"nofile","Soft":64,"Hard":128}]}`},
	{what: "limits", host: `{"Ulimits":[{"Name":"core","Soft":0,"Hard":0},{"Name":"nproc","Soft":500,"Hard":600},{"Name":"stack","Soft":4000000,"Hard":5000000},{"Name":"memlock","Soft":65536,"Hard":65536},{"Name":"fsize","Soft":1000000,"Hard":1000000},{"Name":"rtprio","Soft":0,"Hard":0}]}`},
	{what: "limits of a user", user: someone, host: `{"Ulimits":[{"Name":"nproc","Soft":500,"Hard":600},{"Name":"nofile","Soft":1000,"Hard":1000}]}`},
	{what: "oom score", host: `{"OomScoreAdj":500}`},
	{what: "working folder", config: `{"WorkingDir":"/tmp"}`},
	{what: "working folder that is missing", config: `{"WorkingDir":"/new/folder"}`},
	{what: "working folder of a user", config: `{"WorkingDir":"/home"}`, user: someone},
	{what: "working folder behind a link", config: `{"WorkingDir":"/link/tmp"}`, alter: func(w *world, _ *specs.Spec) {
		w.must(os.Symlink("/", w.root+"/link"))
	}},
	{what: "environment", config: `{"Env":["A=b","PATH=/bin:/sbin","EMPTY=","A B=c d","UNICODE=한글"]}`},
	{what: "names", config: `{"Hostname":"other","Domainname":"example.org"}`},
	{what: "pids of the host", host: `{"PidMode":"host"}`},
	{what: "pids of the host with a terminal", host: `{"PidMode":"host"}`, config: `{"Tty":true}`},
	{what: "ipc of the host", host: `{"IpcMode":"host"}`},
	{what: "ipc without shm", host: `{"IpcMode":"none"}`},
	{what: "network of the host", host: `{"NetworkMode":"host"}`},
	{what: "names of the host", host: `{"UTSMode":"host"}`},
	{what: "all of the host", host: `{"PidMode":"host","IpcMode":"host","NetworkMode":"host","UTSMode":"host","CgroupnsMode":"host"}`},
	{what: "own control groups", host: `{"CgroupnsMode":"private"}`},
	{what: "control groups of the host", host: `{"CgroupnsMode":"host"}`},
	{what: "own control groups, writable", host: `{"CgroupnsMode":"private","SecurityOpt":["writable-cgroups=true"]}`},
	{what: "pids that are joined", alter: func(w *world, s *specs.Spec) { w.join(s, specs.PIDNamespace, "pid") }},
	{what: "network that is joined", alter: func(w *world, s *specs.Spec) { w.join(s, specs.NetworkNamespace, "net") }},
	{what: "ipc and names that are joined", alter: func(w *world, s *specs.Spec) {
		w.join(s, specs.IPCNamespace, "ipc")
		w.join(s, specs.UTSNamespace, "uts")
	}},
	{what: "memory", host: `{"Memory":100000000,"MemorySwap":150000000,"MemoryReservation":50000000}`},
	{what: "memory without swap", host: `{"Memory":100003840,"MemorySwap":100003840}`},
	{what: "oom killer disabled", host: `{"Memory":100003840,"OomKillDisable":true}`},
	{what: "processor", host: `{"CpuShares":333,"CpuPeriod":50000,"CpuQuota":20000}`},
	{what: "processors", host: `{"CpusetCpus":"0","CpusetMems":"0"}`},
	{what: "half a processor", host: `{"NanoCpus":500000000}`},
	{what: "processes", host: `{"PidsLimit":77}`},
	{what: "disk", host: `{"BlkioDeviceReadBps":[{"Path":"DISK","Rate":1048576}],"BlkioDeviceWriteIOps":[{"Path":"DISK","Rate":100}]}`},
	{what: "device", host: `{"Devices":[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/mine","CgroupPermissions":"rw"},{"PathOnHost":"/dev/loop-control","CgroupPermissions":"r"}]}`},
	{what: "device rules", host: `{"DeviceCgroupRules":["c 10:* rw","b 7:0 r"]}`},
	{what: "tmpfs", alter: func(w *world, s *specs.Spec) {
		w.must(unix.Chmod(w.root+"/tmp", 0o1750))
		s.Mounts = append(s.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/tmp", Options: []string{"noexec", "nosuid", "nodev"}},
			specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/deep/er", Options: []string{"ro", "size=1m", "mode=1700", "uid=5"}})
	}},
	{what: "binds", alter: func(w *world, s *specs.Spec) {
		for _, options := range [][]string{{"rbind", "rprivate"}, {"rbind", "ro", "rprivate"}, {"bind", "nosuid", "noexec"}, {"rbind", "noatime", "nodev"}} {
			w.bind(s, "/b/"+strings.Join(options, "-"), options)
		}
	}},
	{what: "binds that follow the host", alter: func(w *world, s *specs.Spec) {
		w.bind(s, "/slave", []string{"rbind", "rslave"})
		w.bind(s, "/private", []string{"rbind", "rprivate"})
		s.Linux.RootfsPropagation = "rslave"
	}},
	{what: "binds that share with the host", alter: func(w *world, s *specs.Spec) {
		w.bind(s, "/shared", []string{"rbind", "rshared"})
		s.Linux.RootfsPropagation = "shared"
	}},
	{what: "bind of a file", alter: func(w *world, s *specs.Spec) {
		file := filepath.Join(w.dir, "file")
		w.must(os.WriteFile(file, []byte("x"), 0o640))
		s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: file, Destination: "/etc/deep/file", Options: []string{"rbind", "ro", "rprivate"}})
	}},
	{what: "bind with mounts below", alter: func(w *world, s *specs.Spec) {
		dir := w.bind(s, "/below", []string{"rbind", "rro", "rprivate"})
		w.mount(filepath.Join(dir, "inner"))
	}},
	{what: "bind behind a link", alter: func(w *world, s *specs.Spec) {
		w.must(errors.Join(os.MkdirAll(w.root+"/run/there", 0o755), os.Symlink("/run/there", w.root+"/var")))
		w.bind(s, "/var/x", []string{"rbind", "rprivate"})
	}},
	{what: "bind over /dev", alter: func(w *world, s *specs.Spec) {
		dir := w.bind(s, "/dev/bound", []string{"rbind", "rprivate"})
		w.must(os.WriteFile(dir+"/x", nil, 0o644))
	}},
	{what: "nothing masked", host: `{"MaskedPaths":[],"ReadonlyPaths":[],"SecurityOpt":["systempaths=unconfined"]}`},
	{what: "other masks", host: `{"MaskedPaths":["/proc/keys","/etc","/none","/bin/sh"],"ReadonlyPaths":["/proc/sys","/tmp","/none"]}`},
	{what: "parameters of the kernel", host: `{"Sysctls":{"net.ipv4.ip_default_ttl":"77","kernel.msgmax":"4096"}}`},
	{what: "user namespace", alter: func(w *world, s *specs.Spec) { w.users(s) }},
	{what: "user namespace with a terminal", config: `{"Tty":true}`, alter: func(w *world, s *specs.Spec) { w.users(s) }},
	{what: "user namespace and a user", user: someone, alter: func(w *world, s *specs.Spec) { w.users(s) }},
	{what: "exec", exec: func(*specs.Process) {}},
	{what: "exec with a terminal", exec: func(p *specs.Process) { p.Terminal, p.ConsoleSize = true, &specs.Box{Height: 22, Width: 99} }},
	{what: "exec as a user", exec: func(p *specs.Process) {
		p.User, p.Cwd = specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{6, 8}}, "/tmp"
		p.Capabilities = &specs.LinuxCapabilities{Bounding: p.Capabilities.Bounding}
	}},
	{what: "exec with limits", host: `{"OomScoreAdj":321,"Memory":100003840,"Ulimits":[{"Name":"nofile","Soft":100,"Hard":200}]}`, exec: func(p *specs.Process) {
		p.Env, p.NoNewPrivileges = []string{"PATH=/bin", "HOME=/", "ONLY=this"}, true
	}},
	{what: "exec, privileged", host: `{"Privileged":true}`, exec: func(*specs.Process) {}},
	{what: "exec among the host's processes", host: `{"PidMode":"host"}`, exec: func(*specs.Process) {}},
	{what: "exec in a user namespace", alter: func(w *world, s *specs.Spec) { w.users(s) }, exec: func(*specs.Process) {}},
}

// world is what the containers of one spec share: the same folders, names and namespaces for each runtime in turn.
type world struct {
	t          *testing.T
	c          *comparison
	dir, root  string
	id, group  string
	namespaces map[string]string // links of /proc/PID/ns by whose they are
	holder     *os.Process       // of namespaces that are joined
	mapped     bool              // the user namespace of holder has ids
	filter     *seccomp.Filter   // what spec's profile is for box
	probe      string
}

func newWorld(t *testing.T, probe string, c *comparison) *world {
	w := &world{t: t, c: c, dir: t.TempDir(), id: "compared", group: fmt.Sprintf("/box-compare-%d", os.Getpid()), probe: probe, namespaces: map[string]string{}}
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

// spec is what box makes of what a client asks for.
func (w *world) spec() *specs.Spec {
	w.t.Helper()
	t := w.t
	in := spec.Input{
		ID: w.id, Config: &api.Config{}, Host: &api.HostConfig{}, Root: w.root, User: w.c.user, Hostname: "inside", CgroupV2: cgroup.V2(),
		Args: []string{"/bin/probe"}, Cgroup: w.group + "/" + w.id,
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
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	in.Args = append(append(in.Args, h.MaskedPaths...), h.ReadonlyPaths...)
	in.Args = append(in.Args, "/proc/sys/kernel/msgmax", "/proc/sys/net/ipv4/ip_default_ttl", "/etc/passwd", "/tmp", "/proc/self/mem")
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

// execProcess is the probe as a further program.
func (w *world) execProcess(s *specs.Spec) *specs.Process {
	p := *s.Process
	if s.Process.Args[0] != "/bin/probe" {
		w.t.Fatal("not the probe")
	}
	p.OOMScoreAdj = nil
	w.c.exec(&p)
	return &p
}

// disk is some block device.
func disk(t *testing.T) string {
	found, _ := filepath.Glob("/sys/block/*")
	for _, dir := range found {
		name := "/dev/" + filepath.Base(dir)
		if _, err := os.Stat(name); err == nil && !strings.HasPrefix(name, "/dev/loop") && !strings.HasPrefix(name, "/dev/ram") {
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
		for limit := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
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

// join puts a namespace of the holder's in the place of the container's own.
func (w *world) join(s *specs.Spec, kind specs.LinuxNamespaceType, file string) {
	w.t.Helper()
	dir := w.hold("-n", "-i", "-u")
	path := dir + "/ns/" + file
	if file == "pid" { // the host's by another way
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

// users gives the container a user namespace that exists, and a network of that one.
func (w *world) users(s *specs.Spec) {
	w.t.Helper()
	const first = 100000
	dir := w.hold("-U", "-n")
	for kind, file := range map[specs.LinuxNamespaceType]string{specs.UserNamespace: "user", specs.NetworkNamespace: "net"} {
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
