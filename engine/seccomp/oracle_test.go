package seccomp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// oracle is a program that puts the same rules to the real libseccomp.
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

// theirs has libseccomp compile p.
func theirs(t *testing.T, oracle string, p *specs.LinuxSeccomp) []instruction {
	t.Helper()
	var in bytes.Buffer
	def, _ := verdict(p.DefaultAction, p.DefaultErrnoRet)
	fmt.Fprintf(&in, "default %d\n", def)
	for _, a := range p.Architectures {
		fmt.Fprintf(&in, "arch %s\n", strings.ToLower(strings.TrimPrefix(string(a), "SCMP_ARCH_")))
	}
	ops := map[specs.LinuxSeccompOperator]int{specs.OpNotEqual: 1, specs.OpLessThan: 2, specs.OpLessEqual: 3,
		specs.OpEqualTo:      4,
		specs.OpGreaterEqual: 5, specs.OpGreaterThan: 6, specs.OpMaskedEqual: 7}
	put := func(name string, v uint32, args []specs.LinuxSeccompArg) {
		fmt.Fprintf(&in, "rule %s %d %d", name, v, len(args))
		for _, c := range args {
			fmt.Fprintf(&in, " %d %d %d %d", c.Index, ops[c.Op], c.Value, c.ValueTwo)
		}
		fmt.Fprintln(&in)
	}
	for _, s := range p.Syscalls {
		v, _ := verdict(s.Action, s.ErrnoRet)
		for _, name := range s.Names {
			switch {
			case v == def:
			case len(s.Args) == 2 && s.Args[0].Index == s.Args[1].Index:
				put(name, v, s.Args[:1])
				put(name, v, s.Args[1:])
			default:
				put(name, v, s.Args)
			}
		}
	}
	cmd := exec.Command(oracle)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return parse(out)
}

// compare runs our program and libseccomp's over every call number of every architecture, with arguments around those
// that the rules name. Of newer calls libseccomp knows nothing.
func compare(t *testing.T, p *specs.LinuxSeccomp, theirs []instruction) (cases int) {
	t.Helper()
	ours, values, r := compiled(t, p), interesting(p), rand.New(rand.NewPCG(1, 2))
	eachCall(func(arch, nr uint32) {
		isNewer := newer(p, data{nr: nr, arch: arch})
		arguments(r, values, data{nr: nr, arch: arch}, 6, func(d data) {
			want := uint32(verdictENOSYS)
			if !isNewer {
				want = run(t, theirs, d)
			}
			if got := run(t, ours, d); got != want {
				t.Fatalf("arch %#x call %#x args %#x: verdict %#x, libseccomp says %#x", arch, nr, d.args, got, want)
			}
			cases++
		})
	})
	return cases
}

// known leaves the names that libseccomp has: it may be older than the profile.
func known(t *testing.T, oracle string, p *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	t.Helper()
	nums := resolve(t, oracle)
	for i := range p.Syscalls {
		var names []string
		for _, name := range p.Syscalls[i].Names {
			if _, ok := nums[name]; ok {
				names = append(names, name)
			} else {
				t.Logf("this libseccomp does not know %s", name)
			}
		}
		p.Syscalls[i].Names = names
	}
	return p
}

// resolve asks libseccomp for the numbers of every name in the table, in the table's order of columns.
func resolve(t *testing.T, oracle string) map[string][columns]int32 {
	t.Helper()
	var in strings.Builder
	for _, e := range table() {
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
	nums := resolve(t, oracle(t))
	if len(nums) < 400 {
		t.Fatalf("libseccomp knows only %d names", len(nums))
	}
	for _, e := range table() {
		want, ok := nums[e.name]
		if !ok {
			continue
		}
		for col, n := range want {
			if e.through != 0 && arch(col) == x86 {
				continue // there libseccomp names them by numbers of its own
			}
			if n < 0 {
				n = absent
			} else if arch(col) == x32 {
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
	for name, caps := range map[string][]string{"none": nil, "default": defaultCaps, "all": allCaps} {
		p := known(t, bin, dockerDefault(t, caps...))
		q := theirs(t, bin, p)
		t.Logf("%s: %d instructions, libseccomp's %d; %d verdicts equal", name, len(compiled(t, p)), len(q), compare(t, p, q))
	}
}

// TestArmArchitecturesEqualLibseccomp compiles for arm64's architectures too.
func TestArmArchitecturesEqualLibseccomp(t *testing.T) {
	bin := oracle(t)
	p := known(t, bin, dockerDefault(t, defaultCaps...))
	p.Architectures = append(p.Architectures, specs.ArchAARCH64, specs.ArchARM)
	t.Logf("%d verdicts equal", compare(t, p, theirs(t, bin, p)))
}

// TestRandomFiltersEqualLibseccomp has one rule a call, on calls that both architectures have by a number of their own.
// For more the oracle is no oracle: libseccomp 2.5 goes wrong where it merges the trees of several rules, and where
// the first rule of an architecture is one for a multiplexed call it forgets to load the call's number.
// TestRandomFiltersHold and TestMultiplexedCalls have those.
func TestRandomFiltersEqualLibseccomp(t *testing.T) {
	bin := oracle(t)
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		p := random(r, round, 1)
		for i, s := range p.Syscalls {
			if len(s.Args) > 1 && s.Args[0].Index == s.Args[1].Index {
				p.Syscalls[i].Args = s.Args[:1]
			}
		}
		t.Run(fmt.Sprint(round), func(t *testing.T) { compare(t, p, theirs(t, bin, p)) })
	}
}
