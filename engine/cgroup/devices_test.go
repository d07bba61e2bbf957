package cgroup

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rule makes a rule of the spec; -1 means any number.
func rule(allow bool, kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Major: &major, Minor: &minor, Access: access}
}

var (
	none = specs.LinuxDeviceCgroup{Access: "rwm"}
	all  = specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}
)

func TestDeviceRules(t *testing.T) {
	for _, row := range []struct {
		list []specs.LinuxDeviceCgroup
		want string
	}{
		{nil, "false []"},
		{[]specs.LinuxDeviceCgroup{none, all}, "true []"},
		{[]specs.LinuxDeviceCgroup{all, rule(true, "c", 1, 3, "rw")}, "true []"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rw"), none, rule(true, "b", 8, -1, "r")}, "false [b 8:* r]"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "r"), rule(true, "c", 1, 3, "wm"), rule(true, "b", -1, -1, "m")},
			"false [c 1:3 rwm b *:* m]"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rw"), rule(false, "c", 1, 3, "w"), rule(true, "c", 1, 5, "r"),
			rule(false, "c", 1, 5, "rwm")}, "false [c 1:3 r]"},
		{[]specs.LinuxDeviceCgroup{all, rule(false, "c", 1, 3, "rw"), rule(true, "c", 1, 3, "w")}, "true [c 1:3 r]"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", -1, -1, "m"), rule(false, "c", 1, 3, "rw")}, "false [c *:* m]"},
		{[]specs.LinuxDeviceCgroup{rule(true, "a", 1, 3, "r")}, "true []"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "rw"), rule(false, "c", 1, 3, "w")},
			"cannot take c 1:3 w out of c 1:* rw"},
		{[]specs.LinuxDeviceCgroup{rule(true, "p", 1, 3, "w")}, `type "p"`},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "")}, "access is empty"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rx")}, `access "rx"`},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", -2, 3, "r")}, "number -2"},
		{[]specs.LinuxDeviceCgroup{rule(true, "c", 1<<32, 3, "r")}, "number 4294967296"},
	} {
		allowed, exceptions, err := deviceRules(row.list)
		got := fmt.Sprint(allowed, exceptions)
		if err != nil {
			got = err.Error()
			if !errdefs.IsInvalidArgument(err) {
				t.Errorf("%s: class", got)
			}
		}
		if err == nil && got != row.want || !strings.Contains(got, row.want) {
			t.Errorf("%s, not %s", got, row.want)
		}
	}
}

// run interprets the BPF instructions that a filter uses.
func run(t *testing.T, p []instruction, context [3]uint32) bool {
	t.Helper()
	var r [11]uint64
	for at, steps := 0, 0; at < len(p) && steps <= len(p); at, steps = at+1, steps+1 {
		i := p[at]
		to, from, value := &r[i.regs&15], r[i.regs>>4], uint64(int64(i.value))
		jump := false
		switch i.op {
		case 0x61: // load of a word
			*to = uint64(context[i.jump/4])
		case 0xbc: // copy of 32 bits
			*to = uint64(uint32(from))
		case 0xb7: // load of a constant
			*to = value
		case 0x54:
			*to = uint64(uint32(*to) & uint32(value))
		case 0x74:
			*to = uint64(uint32(*to) >> value)
		case 0x55:
			jump = *to != value
		case 0x5d:
			jump = *to != from
		case 0x15:
			jump = *to == value
		case 0x95:
			return r[0] == 1
		default:
			t.Fatalf("instruction %#x", i.op)
		}
		if jump {
			at += int(i.jump)
		}
	}
	t.Fatal("no end")
	return false
}

// verdicts asks about devices (kind, access, major, minor), each with the expected answer under some rules.
var verdicts = []struct {
	rules []specs.LinuxDeviceCgroup
	asked string
	may   bool
}{
	{[]specs.LinuxDeviceCgroup{none}, "c r 1 3", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm")}, "c rw 1 3", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm")}, "b rw 1 3", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm")}, "c r 1 5", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm")}, "c r 5 3", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "r")}, "c r 1 3", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "r")}, "c rw 1 3", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 136, -1, "rwm")}, "c rw 136 7", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "b", -1, 7, "rwm")}, "b m 250 7", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "b", -1, 7, "rwm")}, "b m 250 8", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", -1, -1, "m")}, "c m 9 9", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", -1, -1, "m")}, "c rm 9 9", false},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", -1, -1, "m"), rule(true, "c", 1, 3, "rw")}, "c w 1 3", true},
	{[]specs.LinuxDeviceCgroup{none, rule(true, "c", 1<<31, 3, "r"), rule(true, "c", 1, 5, "r")}, "c r 1 5", true},
	{[]specs.LinuxDeviceCgroup{all}, "b rwm 8 0", true},
	{[]specs.LinuxDeviceCgroup{all, rule(false, "b", 8, -1, "w")}, "b r 8 0", true},
	{[]specs.LinuxDeviceCgroup{all, rule(false, "b", 8, -1, "w")}, "b rw 8 0", false},
	{[]specs.LinuxDeviceCgroup{all, rule(false, "b", 8, -1, "rwm")}, "b m 8 0", false},
	{[]specs.LinuxDeviceCgroup{all, rule(false, "b", 8, -1, "rwm")}, "c m 8 0", true},
}

func TestDeviceFilter(t *testing.T) {
	for _, row := range verdicts {
		allowed, exceptions, err := deviceRules(row.rules)
		if err != nil {
			t.Fatal(err)
		}
		var kind, access string
		var context [3]uint32
		if _, err := fmt.Sscan(row.asked, &kind, &access, &context[1], &context[2]); err != nil {
			t.Fatal(err)
		}
		context[0] = map[string]uint32{"b": unix.BPF_DEVCG_DEV_BLOCK, "c": unix.BPF_DEVCG_DEV_CHAR}[kind]
		for _, a := range accessBits {
			if strings.IndexByte(access, a.letter) >= 0 {
				context[0] |= a.bit << 16
			}
		}
		if may := run(t, deviceFilter(allowed, exceptions), context); may != row.may {
			t.Errorf("%s with %v %v: %v", row.asked, allowed, exceptions, may)
		}
	}
}

// TestDeviceFilterKernel makes the kernel verify every program of the table, and enforce one.
func TestDeviceFilterKernel(t *testing.T) {
	h, parent := hostV2(t)
	for i, row := range verdicts {
		g := create(t, h, fmt.Sprintf("%s/f%d", parent, i), &specs.LinuxResources{Devices: row.rules})
		if err := g.Delete(); err != nil {
			t.Error(err)
		}
	}
	g := create(t, h, parent+"/devices",
		&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm"),
			rule(true, "c", 1, 5, "r")}})
	script := `echo 0 >` + h.mounts[0].dir + g.path + `/cgroup.procs || exit
for f in /dev/null /dev/zero /dev/full /dev/urandom; do (: <$f) && echo -n "r$f "; (: >$f) && echo -n "w$f "; done 2>&-`
	out, err := exec.Command(shell(), "-c", script).CombinedOutput()
	if want := "r/dev/null w/dev/null r/dev/zero "; string(out) != want {
		t.Errorf("%q, not %q: %v", out, want, err)
	}
	if err := g.Delete(); err != nil {
		t.Error(err)
	}
}
