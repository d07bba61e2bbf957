package runtime

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestMemory(t *testing.T) {
	var m memory
	a, b := m.text("one"), m.text("one")
	if a != b {
		t.Error("a text is there twice")
	}
	if m.fresh("one") == a {
		t.Error("a text that is written to is shared")
	}
	list := m.strings([]string{"one", "two", ""})
	row := m.words(value(7), value(-1<<63), a)
	const base = 0x7000
	loaded := make([]byte, len(m.b))
	m.load(loaded, base)
	word := func(at address) uint64 { return binary.NativeEndian.Uint64(loaded[at:]) }
	said := func(at uint64) string {
		text, _, _ := strings.Cut(string(loaded[at-base:]), "\x00")
		return text
	}
	if got := []string{said(word(list)), said(word(list + 8)), said(word(list + 16))}; !reflect.DeepEqual(got,
		[]string{"one", "two", ""}) || word(list+24) != 0 {
		t.Errorf("list is %q", got)
	}
	if word(row) != 7 || word(row+8) != 1<<63 || word(row+16) != base+uint64(a) {
		t.Errorf("row is %x", loaded[row:])
	}
	for _, at := range []address{a, list, row} {
		if at%8 != 0 {
			t.Errorf("%d is not aligned", at)
		}
	}
	if m.err != nil {
		t.Error(m.err)
	}
	m.strings([]string{"a\x00b"})
	if !errors.Is(m.err, unix.EINVAL) {
		t.Errorf("zero in a text: %v", m.err)
	}
}

func TestCapabilitySets(t *testing.T) {
	for _, c := range []struct {
		in   *specs.LinuxCapabilities
		want sets
		err  bool
	}{
		{},
		{in: &specs.LinuxCapabilities{}},
		{in: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"},
			Effective: []string{"CAP_KILL"}, Permitted: []string{"CAP_BPF"},
			Inheritable: []string{"CAP_SYSLOG"}, Ambient: []string{"CAP_DAC_OVERRIDE"}},
			want: sets{bounding: 1 | 1<<40, effective: 1 << 5, permitted: 1 << 39, inheritable: 1 << 34, ambient: 2}},
		{in: &specs.LinuxCapabilities{Bounding: []string{"CAP_X"}}, err: true},
		{in: &specs.LinuxCapabilities{Ambient: []string{"chown"}}, err: true},
	} {
		got, err := capabilitySets(c.in)
		if (err != nil) != c.err || err != nil && !errdefs.IsInvalidArgument(err) || err == nil && got != c.want {
			t.Errorf("%+v: %+v, %v", c.in, got, err)
		}
	}
}

func TestHierarchies(t *testing.T) {
	const top, at = "/sys/fs/cgroup", "/docker/id"
	got := hierarchies(at, map[string]string{
		"cpu": top + "/cpu,cpuacct" + at, "cpuacct": top + "/cpu,cpuacct" + at, "memory": top + "/memory" + at,
		"name=systemd": top + "/systemd" + at, "": top + "/unified" + at,
	})
	want := []hierarchy{
		{name: "cpu,cpuacct", kind: "cgroup", data: "cpu,cpuacct", folder: top + "/cpu,cpuacct" + at,
			aliases: []string{"cpu", "cpuacct"}},
		{name: "memory", kind: "cgroup", data: "memory", folder: top + "/memory" + at},
		{name: "systemd", kind: "cgroup", data: "none,name=systemd", folder: top + "/systemd" + at},
		{name: "unified", kind: "cgroup2", folder: top + "/unified" + at},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestDotted(t *testing.T) {
	for _, c := range []struct{ key, dotted, file string }{
		{"net.ipv4.ip_forward", "net.ipv4.ip_forward", "/sys/net/ipv4/ip_forward"},
		{"net/ipv4/ip_forward", "net.ipv4.ip_forward", "/sys/net/ipv4/ip_forward"},
		{"net.ipv4.conf.eth0/1.x", "net.ipv4.conf.eth0/1.x", "/sys/net/ipv4/conf/eth0.1/x"},
		{"net/ipv4/conf/eth0.1/x", "net.ipv4.conf.eth0/1.x", "/sys/net/ipv4/conf/eth0.1/x"},
		{"one", "one", "/sys/one"},
		{"", "", "/sys/"},
	} {
		if got, file := dotted(c.key), sysctlFile(c.key); got != c.dotted || file != c.file {
			t.Errorf("%q: %q, %q; want %q, %q", c.key, got, file, c.dotted, c.file)
		}
	}
}

func TestHostID(t *testing.T) {
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 10}}
	for id, want := range map[uint32]int{0: 1000, 1: 100000, 10: 100009, 11: 11} {
		if got := hostID(ids, id); got != want {
			t.Errorf("%d is %d; want %d", id, got, want)
		}
	}
	if got := hostID(nil, 5); got != 5 {
		t.Errorf("without a user namespace 5 is %d", got)
	}
}

// TestBirth checks that a process's name may look like the rest of its state.
func TestBirth(t *testing.T) {
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("no sleep")
	}
	raw, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	var born []uint64
	for _, name := range []string{"plain", "a) S 1 2 3", ") ) (", "two words"} {
		file := dir + "/" + name
		if err := os.WriteFile(file, raw, 0o755); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(file, "1000")
		if strings.Contains(sleep, "busybox") || isLink(sleep) {
			c.Args[0] = "sleep"
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		at, err := birth(c.Process.Pid)
		again, _ := birth(c.Process.Pid)
		if err != nil || at == 0 || at != again {
			t.Errorf("process %q: %d, %d, %v", name, at, again, err)
		}
		born = append(born, at)
		_ = c.Process.Kill()
		_ = c.Wait()
		if _, err := birth(c.Process.Pid); err == nil {
			t.Errorf("process %q was born after it ended", name)
		}
	}
	if span := born[len(born)-1] - born[0]; born[len(born)-1] < born[0] ||
		time.Duration(span)*10*time.Millisecond > time.Hour {
		t.Errorf("births are %v", born)
	}
}

func isLink(name string) bool {
	to, err := os.Readlink(name)
	return err == nil && to != ""
}

func TestVariable(t *testing.T) {
	env := []string{"PATHS=/x", "PATH=/a", "X=PATH=/b", "PATH=/c", "PATH"}
	if got := variable(env, "PATH"); got != "/c" {
		t.Errorf("PATH is %q", got)
	}
	if got := variable(env, "HOME"); got != "" {
		t.Errorf("HOME is %q", got)
	}
}

// TestOperands checks how C reads each kind of operand, and that a row of numbers refuses a register.
func TestOperands(t *testing.T) {
	var m memory
	const base = 0x7000
	for _, c := range []struct {
		in         operand
		want       uint64
		isRegister bool
	}{
		{value(-1), 1<<64 - 1, false}, {value(7), 7, false}, {folder | realPath, 5, false}, {register(3), 3, true},
		{address(16), base + 16, false},
		{cstring("x"), base, false},
	} {
		if n, isRegister := c.in.in(&m).encode(base); n != c.want || isRegister != c.isRegister {
			t.Errorf("%T %v: %d, %t; want %d, %t", c.in, c.in, n, isRegister, c.want, c.isRegister)
		}
	}
	if m.words(value(1)); m.err != nil {
		t.Error(m.err)
	}
	if m.words(register(1)); m.err == nil {
		t.Error("a register is in a row of numbers")
	}
}
