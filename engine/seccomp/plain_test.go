package seccomp

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// plain says what becomes of a call, in the plainest way.
func plain(p *specs.LinuxSeccomp, d data) uint32 {
	def, _ := verdict(p.DefaultAction, p.DefaultErrnoRet)
	a, has := of(p, d)
	switch {
	case a == x32 && !has && d.nr == ^uint32(0):
		return def
	case has && newer(p, d):
		return verdictENOSYS
	case a == amd64 && d.nr > x32Bit:
		if _, has = of(p, data{nr: x32Bit, arch: auditAMD64}); !has {
			return verdictKillThread
		}
		return def
	case !has:
		return verdictKillThread
	}
	found := def
	hit := false
	for _, s := range p.Syscalls {
		v, _ := verdict(s.Action, s.ErrnoRet)
		for _, name := range s.Names {
			if v == def {
				continue
			}
			if len(s.Args) == 0 && reached(name, a, d, s.Args) && !muxed(name, a, d.nr) {
				return v
			}
			if !hit && reached(name, a, d, s.Args) {
				hit, found = true, v
			}
		}
	}
	return found
}

// of tells whose call it is, and whether the profile has that architecture.
func of(p *specs.LinuxSeccomp, d data) (arch, bool) {
	a := foreign
	switch d.arch {
	case auditAMD64:
		if a = amd64; d.nr&x32Bit != 0 {
			a = x32
		}
	case auditX86:
		a = x86
	case auditARM:
		a = arm
	case auditARM64:
		a = arm64
	}
	own, _ := archNamed(runtime.GOARCH)
	return a, a != foreign && (a == own ||
		slices.ContainsFunc(p.Architectures, func(n specs.Arch) bool { b, _ := archOf(n); return a == b }))
}

// newer tells whether a call has a higher number than every one that the profile names.
func newer(p *specs.LinuxSeccomp, d data) bool {
	a, has := of(p, d)
	if !has || p.DefaultAction == specs.ActAllow || p.DefaultAction == specs.ActLog || p.DefaultAction == specs.ActTrace {
		return false
	}
	highest := uint32(0)
	for _, s := range p.Syscalls {
		for _, name := range s.Names {
			if i, ok := find(name); ok && table()[i].num[a] != absent {
				n := uint32(table()[i].num[a])
				if a == x32 {
					n |= x32Bit
				}
				highest = max(highest, n)
			}
		}
	}
	return highest != 0 && d.nr > highest
}

func muxed(name string, a arch, nr uint32) bool {
	i, ok := find(name)
	return ok && a == x86 && table()[i].through != 0 && uint32(table()[i].through) == nr
}

// reached tells whether a rule for name is for the call.
func reached(name string, a arch, d data, args []specs.LinuxSeccompArg) bool {
	i, ok := find(name)
	if !ok {
		return false
	}
	e := table()[i]
	inner := muxed(name, a, d.nr)
	if !inner && (e.num[a] == absent || uint32(e.num[a]) != d.nr&^map[arch]uint32{x32: x32Bit}[a]) {
		return false
	}
	if inner && uint32(d.args[0]) != uint32(e.first) {
		return false
	}
	holds := func(c specs.LinuxSeccompArg) bool {
		arg, one, two := d.args[c.Index], c.Value, c.ValueTwo
		if a != amd64 && a != arm64 {
			arg, one, two = arg&0xffffffff, one&0xffffffff, two&0xffffffff
		}
		return map[specs.LinuxSeccompOperator]bool{specs.OpNotEqual: arg != one, specs.OpLessThan: arg < one,
			specs.OpLessEqual: arg <= one,
			specs.OpEqualTo:   arg == one, specs.OpGreaterEqual: arg >= one, specs.OpGreaterThan: arg > one,
			specs.OpMaskedEqual: arg&one == two&one}[c.Op]
	}
	all, any, seen, twice := true, len(args) == 0, 0, false
	for _, c := range args {
		twice = twice || seen&(1<<c.Index) != 0
		seen |= 1 << c.Index
		held := inner && c.Index == 0 || holds(c)
		all, any = all && held, any || held
	}
	return all || twice && any
}

// interesting are values around those that the rules name.
func interesting(p *specs.LinuxSeccomp) []uint64 {
	out := []uint64{0, 1, 2, ^uint64(0), 1 << 31, 1 << 32, 0xffffffff, 40, 38}
	for _, s := range p.Syscalls {
		for _, c := range s.Args {
			for _, v := range []uint64{c.Value, c.ValueTwo} {
				out = append(out, v, v+1, v-1, v^1<<32, v|0xffffffff<<32)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// arguments draws n sets of them for a call.
func arguments(r *rand.Rand, values []uint64, d data, n int, fn func(data)) {
	for range n {
		for i := range d.args {
			d.args[i] = values[r.IntN(len(values))]
		}
		if d.arch == auditX86 && (d.nr == x86IPC || d.nr == x86Socketcall) {
			d.args[0] = uint64(r.IntN(26))
		}
		fn(d)
	}
}

// TestDefaultProfileHolds runs Docker's profile beside its plain reading.
func TestDefaultProfileHolds(t *testing.T) {
	for name, caps := range map[string][]string{"none": nil, "default": defaultCaps, "all": allCaps} {
		p := dockerDefault(t, caps...)
		program, values, r := compiled(t, p), interesting(p), rand.New(rand.NewPCG(1, 2))
		counts := map[uint32]int{}
		eachCall(func(arch, nr uint32) {
			special := nr < 1000 || nr > x32Bit && nr < x32Bit+600
			if !special && nr%7 != 0 { // far from the tables: a few will do
				return
			}
			arguments(r, values, data{nr: nr, arch: arch}, 3, func(d data) {
				got, want := run(t, program, d), plain(p, d)
				if got != want {
					t.Fatalf("%s capabilities: arch %#x call %#x args %#x: %#x, want %#x", name, d.arch, d.nr, d.args, got, want)
				}
				counts[got]++
			})
		})
		t.Logf("%s: %d instructions, verdicts %v", name, len(program), counts)
	}
}

// random draws rules with every comparison, at most perCall of them on one call.
func random(r *rand.Rand, round, perCall int) *specs.LinuxSeccomp {
	names := []string{"read", "write", "openat", "fcntl", "clone", "ioctl", "prctl", "personality"}
	values := []uint64{0, 1, 7, 0xffffffff, 1 << 32, 0x7e020000, 1<<32 | 5, ^uint64(0)}
	ops := []specs.LinuxSeccompOperator{specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
		specs.OpGreaterEqual,
		specs.OpGreaterThan, specs.OpMaskedEqual}
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: number(uint(r.IntN(100) + 1)),
		Architectures: []specs.Arch{specs.ArchX86}}
	if round%2 == 0 {
		p.Architectures = append(p.Architectures, specs.ArchX32)
	}
	if round%3 == 0 {
		p.DefaultAction = specs.ActAllow
	}
	for _, name := range names {
		for range 1 + r.IntN(perCall) {
			var args []specs.LinuxSeccompArg
			for _, arg := range r.Perm(6)[:r.IntN(4)] {
				args = append(args, specs.LinuxSeccompArg{Index: uint(arg), Op: ops[r.IntN(len(ops))],
					Value: values[r.IntN(len(values))], ValueTwo: values[r.IntN(len(values))]})
			}
			if r.IntN(9) == 0 && len(args) > 1 {
				args[1].Index = args[0].Index
			}
			p.Syscalls = append(p.Syscalls, one(name, specs.ActLog, args...))
		}
	}
	return p
}

// TestRandomFiltersHold runs random profiles beside their plain reading.
func TestRandomFiltersHold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	matched := 0
	for round := range 200 {
		p := random(r, round, 5)
		program, values := compiled(t, p), interesting(p)
		for _, s := range p.Syscalls {
			i, _ := find(s.Names[0])
			e := table()[i]
			for _, d := range []data{{nr: uint32(e.num[amd64]), arch: auditAMD64}, {nr: uint32(e.num[x86]), arch: auditX86},
				{nr: uint32(e.num[x32]) | x32Bit, arch: auditAMD64}} {
				arguments(r, values, d, 10, func(d data) {
					want := plain(p, d)
					if got := run(t, program, d); got != want {
						t.Fatalf("%+v\n%#x %d %#x: %#x, want %#x", p, d.arch, d.nr, d.args, got, want)
					}
					if want == verdictLog {
						matched++
					}
				})
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d calls matched a rule", matched)
	}
}
