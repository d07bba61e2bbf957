package runc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/spec"
)

// comparison is a container as a client asks for it. alter changes what no client can ask for, or what needs the
// test's folders.
type comparison struct {
	what   string
	host   string // HostConfig, as JSON
	config string // Config
	user   spec.Account
	alter  func(w *world, s *specs.Spec)
	exec   func(p *specs.Process) // changes the probe, which then is a further program
}

var someone = spec.Account{User: specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{1001, 7}}, Home: "/home"}

// compared are the specs to compare.
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
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: list, Permitted: list, Effective: list, Inheritable: list,
			Ambient: list}
	}},
	{what: "privileged", host: `{"Privileged":true}`},
	{what: "privileged with a terminal", host: `{"Privileged":true}`, config: `{"Tty":true}`},
	{what: "read-only", host: `{"ReadonlyRootfs":true}`},
	{what: "read-only with a terminal", host: `{"ReadonlyRootfs":true}`, config: `{"Tty":true}`},
	{what: "no new privileges", host: `{"SecurityOpt":["no-new-privileges"]}`},
	{what: "no new privileges of a user", host: `{"SecurityOpt":["no-new-privileges"]}`, user: someone},
	{what: "no filter", host: `{"SecurityOpt":["seccomp=unconfined"]}`},
	{what: "own filter", host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99}]}"]}`},
	{what: "filter with conditions",
		host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}],` +
			`\"syscalls\":[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":4660,\"op\":\"SCMP_CMP_EQ\"}]}]}"]}`},
	{what: "filter that kills", host: `{"SecurityOpt":["seccomp={\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"}]}"]}`},
	{what: "few files", host: `{"Ulimits":[{"Name":"nofile","Soft":64,"Hard":128}]}`},
	{what: "limits", host: `{"Ulimits":[{"Name":"core","Soft":0,"Hard":0},{"Name":"nproc","Soft":500,"Hard":600},{"Name":"stack","Soft":4000000,"Hard":5000000},{"Name":"memlock","Soft":65536,"Hard":65536},{"Name":"fsize","Soft":1000000,"Hard":1000000},{"Name":"rtprio","Soft":0,"Hard":0}]}`},
	{what: "limits of a user", user: someone,
		host: `{"Ulimits":[{"Name":"nproc","Soft":500,"Hard":600},{"Name":"nofile","Soft":1000,"Hard":1000}]}`},
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
	{what: "device", host: `{"Devices":[{"PathOnHost":"/dev/zero","PathInContainer":"/dev/mine","CgroupPermissions":"rw"},{"PathOnHost":"/dev/kmsg","CgroupPermissions":"r"}]}`},
	{what: "device rules", host: `{"DeviceCgroupRules":["c 10:* rw","b 7:0 r"]}`},
	{what: "tmpfs", alter: func(w *world, s *specs.Spec) {
		w.must(unix.Chmod(w.root+"/tmp", 0o1750))
		s.Mounts = append(s.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/tmp",
			Options: []string{"noexec", "nosuid", "nodev"}},
			specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: "/deep/er",
				Options: []string{"ro", "size=1m", "mode=1700", "uid=5"}})
	}},
	{what: "binds", alter: func(w *world, s *specs.Spec) {
		for _, options := range [][]string{{"rbind", "rprivate"}, {"rbind", "ro", "rprivate"}, {"bind", "nosuid", "noexec"},
			{"rbind", "noatime", "nodev"}} {
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
		s.Mounts = append(s.Mounts, specs.Mount{Type: "bind", Source: file, Destination: "/etc/deep/file",
			Options: []string{"rbind", "ro", "rprivate"}})
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
	{what: "exec with a terminal", exec: func(p *specs.Process) {
		p.Terminal, p.ConsoleSize = true,
			&specs.Box{Height: 22, Width: 99}
	}},
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
