package cgroup

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// deviceRule is an exception to the default access to devices. anyNumber stands for any major or minor number.
type deviceRule struct {
	kind         byte // 'b' or 'c'
	major, minor int64
	access       uint32 // bits BPF_DEVCG_ACC_*
}

const anyNumber = -1

var accessBits = []struct {
	letter byte
	bit    uint32
}{{'r', unix.BPF_DEVCG_ACC_READ}, {'w', unix.BPF_DEVCG_ACC_WRITE}, {'m', unix.BPF_DEVCG_ACC_MKNOD}}

// deviceRules converts the spec's list, whose last matching rule wins, into what both versions of control groups
// support: everything or nothing is allowed, except for the exceptions, each device once. Initially nothing is
// allowed.
func deviceRules(list []specs.LinuxDeviceCgroup) (allowed bool, exceptions []deviceRule, err error) {
	for i, d := range list {
		r, all, err := deviceRuleOf(d)
		switch {
		case err != nil:
			return false, nil, fmt.Errorf("rule %d for devices: %w: %w", i, err, errdefs.ErrInvalidArgument)
		case all:
			allowed, exceptions = d.Allow, nil
		case d.Allow != allowed:
			exceptions = except(exceptions, r)
		default:
			if exceptions, err = restore(exceptions, r); err != nil {
				return false, nil, fmt.Errorf("rule %d for devices: %w: %w", i, err, errdefs.ErrInvalidArgument)
			}
		}
	}
	return allowed, exceptions, nil
}

// deviceRuleOf reads one rule; all is set if it covers every device, whatever its numbers and access.
func deviceRuleOf(d specs.LinuxDeviceCgroup) (r deviceRule, all bool, err error) {
	r = deviceRule{major: anyNumber, minor: anyNumber}
	for _, c := range []byte(d.Access) {
		bit := uint32(0)
		for _, a := range accessBits {
			if a.letter == c {
				bit = a.bit
			}
		}
		if bit == 0 {
			return r, false, fmt.Errorf("access %q is not of r, w and m", d.Access)
		}
		r.access |= bit
	}
	if r.access == 0 {
		return r, false, fmt.Errorf("access is empty")
	}
	switch d.Type {
	case "", "a":
		return r, true, nil
	case "b", "c":
		r.kind = d.Type[0]
	default:
		return r, false, fmt.Errorf("type %q is not a, b or c", d.Type)
	}
	for _, n := range []struct{ from, to *int64 }{{d.Major, &r.major}, {d.Minor, &r.minor}} {
		if n.from != nil {
			*n.to = *n.from
		}
		if *n.to < anyNumber || *n.to > math.MaxUint32 {
			return r, false, fmt.Errorf("number %d is none of a device", *n.to)
		}
	}
	return r, false, nil
}

// sameDevices reports whether both rules match the same devices.
func (r deviceRule) sameDevices(o deviceRule) bool {
	o.access = r.access
	return r == o
}

// except adds an exception, merging its access into an existing one.
func except(list []deviceRule, r deviceRule) []deviceRule {
	for i := range list {
		if list[i].sameDevices(r) {
			list[i].access |= r.access
			return list
		}
	}
	return append(list, r)
}

// restore removes an exception. It cannot remove part of a wider one, which v1 would silently ignore.
func restore(list []deviceRule, r deviceRule) ([]deviceRule, error) {
	var left []deviceRule
	for _, have := range list {
		wider := (have.major == anyNumber || have.major == r.major) && (have.minor == anyNumber || have.minor == r.minor)
		switch {
		case have.sameDevices(r):
			have.access &^= r.access
		case have.kind == r.kind && wider && have.access&r.access != 0:
			return nil, fmt.Errorf("cannot take %s out of %s", r, have)
		}
		if have.access != 0 {
			left = append(left, have)
		}
	}
	return left, nil
}

// String formats the rule for v1, such as "c 1:3 rwm".
func (r deviceRule) String() string {
	var b strings.Builder
	b.WriteByte(r.kind)
	for i, n := range []int64{r.major, r.minor} {
		b.WriteByte(" :"[i])
		if n == anyNumber {
			b.WriteByte('*')
		} else {
			b.WriteString(strconv.FormatInt(n, 10))
		}
	}
	b.WriteByte(' ')
	for _, a := range accessBits {
		if r.access&a.bit != 0 {
			b.WriteByte(a.letter)
		}
	}
	return b.String()
}

// restrictDevices applies the rules to a new group. Without rules the group keeps its parent's.
func (g *Group) restrictDevices(list []specs.LinuxDeviceCgroup) error {
	if len(list) == 0 || g.h.confined {
		return nil
	}
	allowed, exceptions, err := deviceRules(list)
	if err != nil {
		return err
	}
	if g.h.unified {
		return g.filterDevices(allowed, exceptions)
	}
	m, _ := g.h.find("devices")
	all, rest := "devices.deny", "devices.allow"
	if allowed {
		all, rest = rest, all
	}
	dir := m.dir + g.path + "/"
	if err := write(dir+all, "a"); err != nil {
		return fmt.Errorf("set %s of %s to a: %w", all, g.path, err)
	}
	if len(exceptions) == 0 {
		return nil
	}
	fd, err := open(dir+rest, unix.O_WRONLY)
	if err != nil {
		return fmt.Errorf("open %s of %s: %w", rest, g.path, err)
	}
	defer unix.Close(fd)
	for _, r := range exceptions {
		if err := put(fd, r.String()); err != nil {
			return fmt.Errorf("set %s of %s to %s: %w", rest, g.path, r, err)
		}
	}
	return nil
}
