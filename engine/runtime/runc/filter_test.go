package runc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	library "github.com/seccomp/libseccomp-golang"

	"box/engine/seccomp"
)

// TestStandIn checks that libcontainer's calls to libseccomp give the same program as the profile itself: for each
// action, comparison and architecture, and for calls that this machine lacks.
func TestStandIn(t *testing.T) {
	errno, trace := uint(99), uint(7)
	actions := []struct {
		library library.ScmpAction
		spec    specs.LinuxSeccompAction
		code    *uint
	}{
		{library.ActAllow, specs.ActAllow, nil}, {library.ActErrno.SetReturnCode(99), specs.ActErrno, &errno},
		{library.ActKillProcess, specs.ActKillProcess, nil}, {library.ActKillThread, specs.ActKillThread, nil},
		{library.ActLog, specs.ActLog, nil}, {library.ActTrace.SetReturnCode(7), specs.ActTrace, &trace},
		{library.ActTrap, specs.ActTrap, nil},
	}
	compares := []struct {
		library library.ScmpCompareOp
		spec    specs.LinuxSeccompOperator
	}{
		{library.CompareNotEqual, specs.OpNotEqual}, {library.CompareLess, specs.OpLessThan},
		{library.CompareLessOrEqual, specs.OpLessEqual}, {library.CompareEqual, specs.OpEqualTo},
		{library.CompareGreaterEqual, specs.OpGreaterEqual}, {library.CompareGreater, specs.OpGreaterThan},
		{library.CompareMaskedEqual, specs.OpMaskedEqual},
	}
	calls := []string{"read", "mount", "clone3", "socketcall", "arm_fadvise64_64", "ptrace"} // of several architectures
	for _, def := range actions {
		f, err := library.NewFilter(def.library)
		if err != nil {
			t.Fatal(err)
		}
		p := &specs.LinuxSeccomp{DefaultAction: def.spec, DefaultErrnoRet: def.code}
		for name, arch := range map[string]specs.Arch{"x86": specs.ArchX86, "x32": specs.ArchX32, "arm": specs.ArchARM,
			"s390x": ""} {
			a, err := library.GetArchFromString(name)
			if err == nil {
				err = f.AddArch(a)
			}
			if err != nil {
				t.Fatal(err)
			}
			if arch != "" {
				p.Architectures = append(p.Architectures, arch)
			}
		}
		for i, call := range calls {
			do, compare := actions[i%len(actions)], compares[i%len(compares)]
			n, err := library.GetSyscallFromName(call)
			if err != nil {
				t.Fatalf("%s: %v", call, err)
			}
			cond, err := library.MakeCondition(uint(i%6), compare.library, 1<<40|3, 3)
			if err != nil {
				t.Fatal(err)
			}
			err = f.AddRuleConditional(n, do.library, []library.ScmpCondition{cond})
			if same := do.library == def.library; (err != nil) != same {
				t.Errorf("rule of the default's action: %v", err)
			} else if !same {
				p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Names: []string{call}, Action: do.spec, ErrnoRet: do.code,
					Args: []specs.LinuxSeccompArg{{Index: uint(i % 6), Op: compare.spec, Value: 1<<40 | 3, ValueTwo: 3}}})
			}
		}
		if got, want := exported(t, f), bare(t, p); !bytes.Equal(got, want) {
			t.Errorf("default %s: %d bytes, want %d", def.spec, len(got), len(want))
		}
	}
	if _, err := library.GetSyscallFromName("no_such_call"); err == nil {
		t.Error("a system call that nobody knows is known")
	}
	if _, err := library.NewFilter(library.ActNotify); err == nil {
		t.Error("an agent is promised")
	}
	if err := new(library.ScmpFilter).AddRule(0, library.ActAllow); err == nil {
		t.Error("a filter that nobody made takes rules")
	}
}

func exported(t *testing.T, f *library.ScmpFilter) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := f.ExportBPF(file); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func bare(t *testing.T, p *specs.LinuxSeccomp) []byte {
	t.Helper()
	raw, err := seccomp.Bare(p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
