package seccomp

import (
	"encoding/binary"
	"fmt"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// compiled is the program of a profile.
func compiled(t testing.TB, p *specs.LinuxSeccomp) []instruction {
	t.Helper()
	f, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return parse(f.Program)
}

func parse(b []byte) []instruction {
	var p []instruction
	for ; len(b) >= 8; b = b[8:] {
		p = append(p, instruction{op: binary.NativeEndian.Uint16(b), jt: b[2], jf: b[3],
			k: binary.NativeEndian.Uint32(b[4:])})
	}
	return p
}

// data is struct seccomp_data.
type data struct {
	nr, arch uint32
	args     [6]uint64
}

func (d data) word(off uint32) uint32 {
	switch {
	case off == 0:
		return d.nr
	case off == 4:
		return d.arch
	case off >= 16 && off < 64:
		return uint32(d.args[(off-16)/8] >> (8 * (off % 8)))
	}
	panic(fmt.Sprintf("load of offset %d", off))
}

// run interprets a filter as the kernel would.
func run(t testing.TB, p []instruction, d data) uint32 {
	t.Helper()
	var acc, scratch uint32
	for pc := 0; pc < len(p); pc++ {
		in := p[pc]
		test := false
		switch in.op {
		case opLoad:
			acc = d.word(in.k)
			continue
		case opAnd:
			acc &= in.k
			continue
		case 0x02: // ST, which libseccomp uses
			scratch = acc
			continue
		case 0x60: // LD MEM
			acc = scratch
			continue
		case opJump:
			pc += int(in.k)
			continue
		case opReturn:
			return in.k
		case opEqual:
			test = acc == in.k
		case opGreater:
			test = acc > in.k
		case opAtLeast:
			test = acc >= in.k
		case 0x45: // JSET, which runc uses
			test = acc&in.k != 0
		default:
			t.Fatalf("instruction %d: operation %#x", pc, in.op)
		}
		if test {
			pc += int(in.jt)
		} else {
			pc += int(in.jf)
		}
	}
	t.Fatal("the program ran off its end")
	return 0
}

// dockerDefault is Docker's default profile for a container with capabilities.
func dockerDefault(t testing.TB, caps ...string) *specs.LinuxSeccomp {
	t.Helper()
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	p, err := profiles.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	defaultCaps = []string{"CAP_CHOWN", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_AUDIT_WRITE"}
	allCaps     = []string{"CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_CHROOT", "CAP_SYS_MODULE",
		"CAP_SYS_PACCT",
		"CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_SYS_NICE", "CAP_SYSLOG", "CAP_BPF",
		"CAP_PERFMON"}
)

// one is a block of a profile for one name.
func one(name string, a specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: a, Args: args}
}

func number(n uint) *uint { return &n }

// eachCall calls fn for the numbers that matter of every architecture.
func eachCall(fn func(arch, nr uint32)) {
	for _, arch := range []uint32{auditAMD64, auditX86, auditARM, auditARM64, 0xdead} {
		for _, base := range []uint32{0, x32Bit, 2 * x32Bit, 3 * x32Bit, 0xf0000, ^uint32(0) - 3} {
			for n := uint32(0); n <= 600 && base+n >= base; n++ {
				fn(arch, base+n)
			}
		}
	}
}
