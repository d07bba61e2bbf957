package seccomp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// asked is a filter in a form that both compilers are given.
type asked struct {
	def   ScmpAction
	archs []ScmpArch
	rules []askedRule
}

type askedRule struct {
	name   string
	action ScmpAction
	conds  []ScmpCondition
}

// ours compiles q here.
func (q asked) ours(t testing.TB) []instruction {
	t.Helper()
	f, err := NewFilter(q.def)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range q.archs {
		if err := f.AddArch(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range q.rules {
		n, err := GetSyscallFromName(r.name)
		if err != nil {
			continue // as libcontainer does
		}
		if err := f.AddRuleConditional(n, r.action, r.conds); err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
	}
	p, err := f.compile()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// oracle is a program that puts the same rules to the real libseccomp; built once for all tests.
func oracle(t *testing.T) string {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed: no libseccomp to compare with")
	}
	bin := filepath.Join(t.TempDir(), "oracle")
	if out, err := exec.Command(cc, "-o", bin, "testdata/oracle.c", "-lseccomp").CombinedOutput(); err != nil {
		t.Skipf("libseccomp's development files are not installed (libseccomp-dev): %s", bytes.TrimSpace(out))
	}
	return bin
}

// theirs has libseccomp compile q.
func (q asked) theirs(t *testing.T, oracle string) []instruction {
	t.Helper()
	var in bytes.Buffer
	v, _ := q.def.verdict()
	fmt.Fprintf(&in, "default %d\n", v)
	for _, a := range q.archs {
		fmt.Fprintf(&in, "arch %s\n", map[ScmpArch]string{ArchAMD64: "x86_64", ArchARM64: "aarch64"}[a]+
			map[bool]string{true: a.String()}[a != ArchAMD64 && a != ArchARM64])
	}
	for _, r := range q.rules {
		v, _ := r.action.verdict()
		fmt.Fprintf(&in, "rule %s %d %d", r.name, v, len(r.conds))
		for _, c := range r.conds {
			fmt.Fprintf(&in, " %d %d %d %d", c.Argument, c.Op, c.Operand1, c.Operand2)
		}
		fmt.Fprintln(&in)
	}
	cmd := exec.Command(oracle)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return parse(out)
}

func parse(b []byte) []instruction {
	var p []instruction
	for ; len(b) >= 8; b = b[8:] {
		p = append(p, instruction{op: binary.NativeEndian.Uint16(b), jt: b[2], jf: b[3], k: binary.NativeEndian.Uint32(b[4:])})
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
func run(t *testing.T, p []instruction, d data) uint32 {
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

// compare runs both programs over every call number of every architecture, with arguments around those the rules name.
func compare(t *testing.T, q asked, ours, theirs []instruction) (cases int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	interesting := []uint64{0, 1, 2, ^uint64(0), 1 << 31, 1 << 32, 0xffffffff, 40, 38}
	for _, rule := range q.rules {
		for _, c := range rule.conds {
			for _, v := range []uint64{c.Operand1, c.Operand2} {
				interesting = append(interesting, v, v+1, v-1, v^1<<32, v|0xffffffff<<32)
			}
		}
	}
	for _, arch := range []uint32{auditAMD64, auditX86, auditARM, auditARM64, 0xdead} {
		for _, base := range []uint32{0, x32Bit, 0xf0000, 0xffffffff - 3} {
			for n := uint32(0); n < 520 && base+n >= base; n++ {
				d := data{nr: base + n, arch: arch}
				for range 12 {
					for i := range d.args {
						d.args[i] = interesting[r.IntN(len(interesting))]
					}
					if n < 32 && (d.nr == x86IPC || d.nr == x86Socketcall) {
						d.args[0] = uint64(r.IntN(26))
					}
					got, want := run(t, ours, d), run(t, theirs, d)
					if got != want {
						t.Fatalf("arch %#x call %d args %#x: verdict %#x, libseccomp says %#x", arch, d.nr, d.args, got, want)
					}
					cases++
				}
			}
		}
	}
	return cases
}

// dockerDefault is Docker's default profile as libcontainer would ask for it.
func dockerDefault(t testing.TB) asked {
	t.Helper()
	caps := []string{"CAP_CHOWN", "CAP_NET_RAW", "CAP_SYS_CHROOT", "CAP_AUDIT_WRITE"}
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps}}}
	p, err := profiles.GetDefaultProfile(spec)
	if err != nil {
		t.Fatal(err)
	}
	act := func(a specs.LinuxSeccompAction, ret *uint) ScmpAction {
		code := int16(1)
		if ret != nil {
			code = int16(*ret)
		}
		switch a {
		case specs.ActAllow:
			return ActAllow
		case specs.ActErrno:
			return ActErrno.SetReturnCode(code)
		}
		t.Fatalf("the profile uses action %s", a)
		return 0
	}
	ops := map[specs.LinuxSeccompOperator]ScmpCompareOp{specs.OpNotEqual: CompareNotEqual, specs.OpLessThan: CompareLess,
		specs.OpLessEqual: CompareLessOrEqual, specs.OpEqualTo: CompareEqual, specs.OpGreaterEqual: CompareGreaterEqual,
		specs.OpGreaterThan: CompareGreater, specs.OpMaskedEqual: CompareMaskedEqual}
	q := asked{def: act(p.DefaultAction, p.DefaultErrnoRet)}
	for _, a := range p.Architectures {
		arch, err := GetArchFromString(strings.TrimPrefix(string(a), "SCMP_ARCH_"))
		if err != nil {
			t.Fatal(err)
		}
		q.archs = append(q.archs, arch)
	}
	for _, call := range p.Syscalls {
		for _, name := range call.Names {
			r := askedRule{name: name, action: act(call.Action, call.ErrnoRet)}
			for _, a := range call.Args {
				c, err := MakeCondition(a.Index, ops[a.Op], a.Value, a.ValueTwo)
				if err != nil {
					t.Fatal(err)
				}
				r.conds = append(r.conds, c)
			}
			if r.action != q.def {
				q.rules = append(q.rules, r)
			}
		}
	}
	return q
}

// known leaves the rules that libseccomp has a name for: it may be older than the profile.
func (q asked) known(t *testing.T, oracle string) asked {
	t.Helper()
	nums := resolve(t, oracle)
	var rules []askedRule
	for _, r := range q.rules {
		if _, ok := nums[r.name]; ok {
			rules = append(rules, r)
		} else {
			t.Logf("this libseccomp does not know %s", r.name)
		}
	}
	q.rules = rules
	return q
}

// resolve asks libseccomp for the numbers of every name in the table, in the table's order of columns.
func resolve(t *testing.T, oracle string) map[string][columns]int32 {
	t.Helper()
	var in strings.Builder
	for _, e := range syscallTable() {
		fmt.Fprintf(&in, "resolve %s\n", e.name)
	}
	cmd := exec.Command(oracle)
	cmd.Stdin, cmd.Stderr = strings.NewReader(in.String()), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	nums := map[string][columns]int32{}
	for line := range strings.Lines(string(out)) {
		var name string
		var n [columns]int32
		if _, err := fmt.Sscan(line, &name, &n[0], &n[1], &n[2], &n[3], &n[4]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if n[0] != -1 {
			nums[name] = n
		}
	}
	return nums
}

func TestNumbersEqualLibseccomp(t *testing.T) {
	bin := oracle(t)
	nums := resolve(t, bin)
	if len(nums) < 400 {
		t.Fatalf("libseccomp knows only %d names", len(nums))
	}
	for _, e := range syscallTable() {
		want, ok := nums[e.name]
		if !ok {
			continue
		}
		for col, n := range want {
			if _, _, mux := multiplexed(e.name); mux && col == colX86 {
				continue // there libseccomp names them by numbers of its own
			}
			if n < 0 {
				n = absent
			} else if col == colX32 {
				n &^= x32Bit
			}
			if e.num[col] != n {
				t.Errorf("%s, column %d: %d, libseccomp says %d", e.name, col, e.num[col], n)
			}
		}
	}
}

func TestDefaultProfileEqualsLibseccomp(t *testing.T) {
	bin := oracle(t)
	q := dockerDefault(t).known(t, bin)
	ours, theirs := q.ours(t), q.theirs(t, bin)
	t.Logf("%d rules: %d instructions, libseccomp's %d; %d verdicts equal", len(q.rules), len(ours), len(theirs), compare(t, q, ours, theirs))
}

// TestArmArchitecturesEqualLibseccomp compiles for arm64's architectures too.
func TestArmArchitecturesEqualLibseccomp(t *testing.T) {
	bin := oracle(t)
	q := dockerDefault(t).known(t, bin)
	q.archs = append(q.archs, ArchARM64, ArchARM)
	t.Logf("%d verdicts equal", compare(t, q, q.ours(t), q.theirs(t, bin)))
}

// random draws rules with every comparison, at most perCall of them on one call.
func random(r *rand.Rand, round, perCall int) asked {
	names := []string{"read", "write", "openat", "fcntl", "clone", "ioctl", "prctl", "personality"}
	values := []uint64{0, 1, 7, 0xffffffff, 1 << 32, 0x7e020000, 1<<32 | 5, ^uint64(0)}
	q := asked{def: ActErrno.SetReturnCode(int16(r.IntN(100) + 1)), archs: []ScmpArch{ArchX86}}
	if round%2 == 0 {
		q.archs = append(q.archs, ArchX32)
	}
	if round%3 == 0 {
		q.def = ActAllow
	}
	for _, name := range names {
		for range 1 + r.IntN(perCall) {
			rule := askedRule{name: name, action: ActLog}
			for _, arg := range r.Perm(6)[:r.IntN(4)] {
				rule.conds = append(rule.conds, ScmpCondition{Argument: uint(arg), Op: ScmpCompareOp(1 + r.IntN(7)),
					Operand1: values[r.IntN(len(values))], Operand2: values[r.IntN(len(values))]})
			}
			q.rules = append(q.rules, rule)
		}
	}
	return q
}

// TestRandomFiltersEqualLibseccomp has one rule a call, on calls that both architectures have by a number of their own.
// For more the oracle is no oracle: libseccomp 2.5 goes wrong where it merges the trees of several rules, and where
// the first rule of an architecture is one for a multiplexed call it forgets to load the call's number.
// TestRandomFiltersHold and TestMultiplexedCalls have those.
func TestRandomFiltersEqualLibseccomp(t *testing.T) {
	bin := oracle(t)
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		q := random(r, round, 1)
		t.Run(fmt.Sprint(round), func(t *testing.T) { compare(t, q, q.ours(t), q.theirs(t, bin)) })
	}
}

// TestRandomFiltersHold evaluates the rules in the plainest way and runs the program beside it.
func TestRandomFiltersHold(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	values := []uint64{0, 1, 2, 5, 6, 7, 8, 0xffffffff, 1 << 32, 0x7e020000, 1<<32 | 5, 1<<32 | 7, ^uint64(0), ^uint64(0) - 1}
	archs := map[uint32]ScmpArch{auditAMD64: ArchAMD64, auditX86: ArchX86}
	matched := 0
	for round := range 200 {
		q := random(r, round, 5)
		p := q.ours(t)
		for token, arch := range archs {
			for _, rule := range q.rules {
				n, _ := GetSyscallFromNameByArch(rule.name, arch)
				for range 20 {
					d := data{nr: uint32(n), arch: token}
					for i := range d.args {
						d.args[i] = values[r.IntN(len(values))]
					}
					want, _ := q.def.verdict()
					if q.holds(rule.name, arch == ArchAMD64, d.args) {
						want = 0x7ffc0000
						matched++
					}
					if got := run(t, p, d); got != want {
						t.Fatalf("%+v\n%s %s %#x: %#x, want %#x", q, arch, rule.name, d.args, got, want)
					}
				}
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d calls matched a rule", matched)
	}
}

// holds tells whether a rule for the call matches.
func (q asked) holds(name string, wide bool, args [6]uint64) bool {
	for _, r := range q.rules {
		all := r.name == name
		for _, c := range r.conds {
			arg, one, two := args[c.Argument], c.Operand1, c.Operand2
			if !wide {
				arg, one, two = arg&0xffffffff, one&0xffffffff, two&0xffffffff
			}
			all = all && [...]bool{CompareNotEqual: arg != one, CompareLess: arg < one, CompareLessOrEqual: arg <= one,
				CompareEqual: arg == one, CompareGreaterEqual: arg >= one, CompareGreater: arg > one,
				CompareMaskedEqual: arg&one == two&one}[c.Op]
		}
		if all {
			return true
		}
	}
	return false
}

func TestMultiplexedCalls(t *testing.T) {
	if native, _ := GetNativeArch(); native != ArchAMD64 {
		t.Skip("32-bit x86 calls are part of amd64 only")
	}
	q := asked{def: ActErrno.SetReturnCode(1), archs: []ScmpArch{ArchX86}, rules: []askedRule{
		{name: "semop", action: ActLog},
		{name: "send", action: ActLog, conds: []ScmpCondition{{Argument: 2, Op: CompareEqual, Operand1: 5}}},
		{name: "socket", action: ActLog, conds: []ScmpCondition{{Argument: 0, Op: CompareEqual, Operand1: 2}}},
	}}
	p := q.ours(t)
	for _, row := range []struct {
		nr    uint32
		args  [6]uint64
		match bool
	}{
		{x86IPC, [6]uint64{1}, true}, {x86IPC, [6]uint64{2}, false}, {x86IPC, [6]uint64{1 << 32}, false},
		{x86Socketcall, [6]uint64{9, 0, 5}, true}, {x86Socketcall, [6]uint64{9, 0, 4}, false},
		{x86Socketcall, [6]uint64{1}, true}, {359, [6]uint64{2}, true}, {359, [6]uint64{1}, false}, {289, [6]uint64{9, 0, 5}, false},
	} {
		want := uint32(0x00050001)
		if row.match {
			want = 0x7ffc0000
		}
		if got := run(t, p, data{nr: row.nr, arch: auditX86, args: row.args}); got != want {
			t.Errorf("call %d %v: %#x, want %#x", row.nr, row.args, got, want)
		}
	}
}

// TestLongPrograms has jumps over more than 255 instructions: many conditions on many calls, each with a verdict of its own.
func TestLongPrograms(t *testing.T) {
	q := asked{def: ActErrno.SetReturnCode(1)}
	var names []string
	for _, e := range syscallTable() {
		if e.num[colAMD64] != absent && len(names) < 200 {
			names = append(names, e.name)
		}
	}
	for i, name := range names {
		for v := range uint64(3) {
			q.rules = append(q.rules, askedRule{name, ActErrno.SetReturnCode(int16(1000 + 3*i + int(v))),
				[]ScmpCondition{{Argument: 1, Op: CompareEqual, Operand1: v << 31}}})
		}
	}
	p := q.ours(t)
	for i, name := range names {
		n, _ := GetSyscallFromNameByArch(name, ArchAMD64)
		for v := range uint64(4) {
			want := uint32(0x00050000 + 1000 + 3*i + int(v))
			if v == 3 {
				want = 0x00050001
			}
			if got := run(t, p, data{nr: uint32(n), arch: auditAMD64, args: [6]uint64{1: v << 31}}); got != want {
				t.Fatalf("%s %d: %#x, want %#x", name, v, got, want)
			}
		}
	}
	t.Logf("%d instructions", len(p))
}

func TestExportedFilterIsTheProgram(t *testing.T) {
	f, err := NewFilter(ActAllow)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := GetSyscallFromName("ptrace")
	if err := f.AddRule(n, ActErrno.SetReturnCode(38)); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := f.ExportBPF(w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, parse(out), data{nr: uint32(n), arch: auditAMD64}); got != 0x00050026 {
		t.Errorf("verdict %#x", got)
	}
	if got := run(t, parse(out), data{nr: uint32(n) + 1, arch: auditAMD64}); got != 0x7fff0000 {
		t.Errorf("verdict of another call %#x", got)
	}
}

func TestRefusals(t *testing.T) {
	f, err := NewFilter(ActAllow)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.AddRule(0, ActAllow); err == nil {
		t.Error("a rule with the default's action was taken")
	}
	if err := f.AddRule(-5, ActLog); err == nil {
		t.Error("an unknown number was taken")
	}
	if err := f.AddRuleConditional(0, ActLog, []ScmpCondition{{Op: CompareEqual}, {Op: CompareLess}}); err == nil {
		t.Error("two conditions on one argument were taken")
	}
	if _, err := GetSyscallFromName("no_such_call"); err == nil {
		t.Error("an unknown name was found")
	}
	if err := (&ScmpFilter{}).AddRule(0, ActLog); err == nil {
		t.Error("a zero filter took a rule")
	}
}

func BenchmarkDefaultProfile(b *testing.B) {
	q := dockerDefault(b)
	for b.Loop() {
		q.ours(b)
	}
}
