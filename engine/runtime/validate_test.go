package runtime

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// whole returns a spec that Validate accepts.
func whole() *specs.Spec {
	return &specs.Spec{
		Root: &specs.Root{Path: "/root"}, Process: &specs.Process{}, Hostname: "h", Domainname: "d",
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
			{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace}, {Type: specs.NetworkNamespace},
		}},
	}
}

func TestValidate(t *testing.T) {
	without := func(s *specs.Spec, kind specs.LinuxNamespaceType) {
		for i, n := range s.Linux.Namespaces {
			if n.Type == kind {
				s.Linux.Namespaces = append(s.Linux.Namespaces[:i:i], s.Linux.Namespaces[i+1:]...)
				return
			}
		}
	}
	sysctl := func(key string) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{key: "1"} }
	}
	const foreign = "is not in a separate kernel namespace"
	for _, c := range []struct {
		what  string
		alter func(*specs.Spec)
		want  string // part of the error, "" for none
	}{
		{"nothing", func(*specs.Spec) {}, ""},
		{"no process", func(s *specs.Spec) { s.Process = nil }, "no root, process or Linux part"},
		{"relative root", func(s *specs.Spec) { s.Root.Path = "root" }, "invalid rootfs"},
		{"mounts of the host", func(s *specs.Spec) { without(s, specs.MountNamespace) }, "mount namespace"},
		{"name of the host", func(s *specs.Spec) { without(s, specs.UTSNamespace) }, "hostname without a private UTS"},
		{"net", sysctl("net.ipv4.ip_forward"), ""},
		{"net by slashes", sysctl("net/ipv4/ip_forward"), ""},
		{"dot in a name", sysctl("net/ipv4/conf/eth0.1/forwarding"), ""},
		{"slash in a name", sysctl("net.ipv4.conf.eth0/1.forwarding"), ""},
		{"net of the host", func(s *specs.Spec) { without(s, specs.NetworkNamespace); sysctl("net.a")(s) },
			"host network namespace"},
		{"this process's net", func(s *specs.Spec) { s.Linux.Namespaces[3].Path = "/proc/self/ns/net"; sysctl("net.a")(s) },
			"host network namespace"},
		{"ipc", sysctl("kernel.shmmax"), ""},
		{"mqueue", sysctl("fs.mqueue.msg_max"), ""},
		{"ipc of the host", func(s *specs.Spec) { without(s, specs.IPCNamespace); sysctl("kernel.sem")(s) },
			"hosts ipc namespace"},
		{"domain", sysctl("kernel.domainname"), ""},
		{"host name", sysctl("kernel.hostname"), "conflicts with"},
		{"user", sysctl("user.max_user_namespaces"), "without a user namespace"},
		{"of all", sysctl("kernel.panic"), foreign},
		{"of all by slashes", sysctl("kernel/panic"), foreign},
		{"none", sysctl(""), foreign},
		// A slash stands for a dot here, so that two of them lead up.
		{"up", sysctl("net.//.kernel.panic"), foreign},
		{"up twice", sysctl("net.ipv4.//.//.kernel.panic"), foreign},
		{"up from ipc", sysctl("fs.mqueue.//.//.kernel.panic"), foreign},
		{"up by dots", sysctl("net/../kernel/panic"), foreign},
		{"here", sysctl("net./.ipv4"), foreign},
		{"empty part", sysctl("net..ipv4"), foreign},
	} {
		s := whole()
		c.alter(s)
		err := Validate(s)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.what, err, c.want)
		}
	}
}
