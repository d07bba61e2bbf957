package seccomp

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestMultiplexedCalls(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("32-bit x86 calls are part of amd64 only")
	}
	program := compiled(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86},
		Syscalls: []specs.LinuxSyscall{
			one("semop", specs.ActLog),
			one("send", specs.ActLog, specs.LinuxSeccompArg{Index: 2, Op: specs.OpEqualTo, Value: 5}),
			one("socket", specs.ActLog, specs.LinuxSeccompArg{Index: 0, Op: specs.OpEqualTo, Value: 2}),
		}})
	for _, row := range []struct {
		nr    uint32
		args  [6]uint64
		match bool
	}{
		{x86IPC, [6]uint64{1}, true}, {x86IPC, [6]uint64{2}, false}, {x86IPC, [6]uint64{1 << 32}, false},
		{x86Socketcall, [6]uint64{9, 0, 5}, true}, {x86Socketcall, [6]uint64{9, 0, 4}, false},
		{x86Socketcall, [6]uint64{1}, true}, {359, [6]uint64{2}, true}, {359, [6]uint64{1}, false},
		{289, [6]uint64{9, 0, 5}, false},
	} {
		want := uint32(verdictErrno | eperm)
		if row.match {
			want = verdictLog
		}
		if got := run(t, program, data{nr: row.nr, arch: auditX86, args: row.args}); got != want {
			t.Errorf("call %d %v: %#x, want %#x", row.nr, row.args, got, want)
		}
	}
}

// TestLongPrograms has jumps over more than 255 instructions: many conditions on many calls, each with a verdict of
// its own.
func TestLongPrograms(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	var calls []int
	for i, e := range table() {
		if e.num[amd64] != absent && len(calls) < 200 {
			calls = append(calls, i)
		}
	}
	for i, call := range calls {
		for v := range uint64(3) {
			s := one(table()[call].name, specs.ActErrno, specs.LinuxSeccompArg{Index: 1, Op: specs.OpEqualTo, Value: v << 31})
			s.ErrnoRet = number(uint(1000 + 3*i + int(v)))
			p.Syscalls = append(p.Syscalls, s)
		}
	}
	program := compiled(t, p)
	for i, call := range calls {
		for v := range uint64(4) {
			want := uint32(verdictErrno + 1000 + 3*i + int(v))
			if v == 3 {
				want = verdictErrno | eperm
			}
			if got := run(t, program, data{nr: uint32(table()[call].num[amd64]), arch: auditAMD64,
				args: [6]uint64{1: v << 31}}); got != want {
				t.Fatalf("%s %d: %#x, want %#x", table()[call].name, v, got, want)
			}
		}
	}
	t.Logf("%d instructions", len(program))
}

// TestVerdicts has a row for each way to say what becomes of a call: read, write, and 999, which is newer than both.
func TestVerdicts(t *testing.T) {
	const read, write, new = 0, 1, 999
	for _, row := range []struct {
		profile string
		nr      uint32
		want    uint32
	}{
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}`, write,
			verdictAllow},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}`, read,
			verdictErrno | 1},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}`, new,
			verdictErrno | 38},
		{`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":5,"syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}`,
			read, verdictErrno | 5},
		{`{"defaultAction":"SCMP_ACT_KILL","syscalls":[{"names":["write"],"action":"SCMP_ACT_ERRNO","errnoRet":7}]}`, write,
			verdictErrno | 7},
		{`{"defaultAction":"SCMP_ACT_KILL","syscalls":[{"names":["write"],"action":"SCMP_ACT_ERRNO"}]}`, read,
			verdictKillThread},
		{`{"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[{"names":["write"],"action":"SCMP_ACT_TRACE","errnoRet":9}]}`,
			write, verdictTrace | 9},
		{`{"defaultAction":"SCMP_ACT_KILL_PROCESS","syscalls":[{"names":["write"],"action":"SCMP_ACT_TRAP"}]}`, read,
			verdictKillProcess},
		{`{"defaultAction":"SCMP_ACT_TRAP","syscalls":[{"names":["write"],"action":"SCMP_ACT_KILL_THREAD"}]}`, new,
			verdictENOSYS},
		{`{"defaultAction":"SCMP_ACT_TRAP"}`, new, verdictTrap},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`, new,
			verdictErrno | 1},
		{`{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["write"],"action":"SCMP_ACT_TRAP"}]}`, new, verdictLog},
		{`{"defaultAction":"SCMP_ACT_TRACE","syscalls":[{"names":["write"],"action":"SCMP_ACT_TRAP"}]}`, new,
			verdictTrace | 1},
		{`{"defaultAction":"SCMP_ACT_ALLOW"}`, read, verdictAllow},
		{`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["no_such_call","write"],"action":"SCMP_ACT_ERRNO"}]}`,
			write, verdictErrno | 1},
		// What is as the default is no rule, and counts as named.
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["exit"],"action":"SCMP_ACT_ERRNO","args":[{"index":9,"op":"SCMP_CMP_EQ"}]}]}`, 60, verdictErrno | 1},
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["exit"],"action":"SCMP_ACT_ERRNO"}]}`, 61, verdictENOSYS},
		// The first rule without conditions stands, whatever is beside it.
		{`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_LOG","args":[{"index":0,"op":"SCMP_CMP_EQ"}]},
			{"names":["write"],"action":"SCMP_ACT_ALLOW"},{"names":["write"],"action":"SCMP_ACT_TRAP"}]}`, write, verdictAllow},
	} {
		p := &specs.LinuxSeccomp{}
		if err := json.Unmarshal([]byte(row.profile), p); err != nil {
			t.Fatal(err)
		}
		if runtime.GOARCH != "amd64" {
			t.Skip("the numbers are amd64's")
		}
		if got := run(t, compiled(t, p), data{nr: row.nr, arch: auditAMD64}); got != row.want {
			t.Errorf("%s: call %d: %#x, want %#x", row.profile, row.nr, got, row.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	block := `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[%s]}`
	for _, row := range []struct{ profile, text string }{
		{`{"defaultAction":"SCMP_ACT_X"}`, "string SCMP_ACT_X is not a valid action for seccomp"},
		{`{"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`, "string  is not a valid action for seccomp"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_VAX"]}`,
			"string SCMP_ARCH_VAX is not a valid arch for seccomp"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_NO"]}`,
			"seccomp flag SECCOMP_FILTER_FLAG_NO is not known to runc"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}`,
			"seccomp flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: an agent for system calls is not supported"},
		{`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/s"}`,
			"seccomp listenerPath /s: an agent for system calls is not supported"},
		{`{"defaultAction":"SCMP_ACT_NOTIFY"}`, "seccomp action SCMP_ACT_NOTIFY: an agent for system calls is not supported"},
		{fmt.Sprintf(block, `{"names":["read"],"action":"SCMP_ACT_NOTIFY"}`),
			"seccomp action SCMP_ACT_NOTIFY: an agent for system calls is not supported"},
		{fmt.Sprintf(block, `{"names":["read"],"action":"allow"}`), "string allow is not a valid action for seccomp"},
		{fmt.Sprintf(block, `{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"op":"=="}]}`),
			"string == is not a valid operator for seccomp"},
		{fmt.Sprintf(block, `{"names":[""],"action":"SCMP_ACT_ALLOW"}`), late + "empty string is not a valid syscall"},
		{fmt.Sprintf(block, `{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}`),
			late + "error creating seccomp syscall condition for syscall read: system calls have 6 arguments, number 6 was " +
				"named"},
	} {
		p := &specs.LinuxSeccomp{}
		if err := json.Unmarshal([]byte(row.profile), p); err != nil {
			t.Fatal(err)
		}
		var refused Refusal
		if _, err := Compile(p); !errors.As(err, &refused) || err.Error() != row.text ||
			!errors.Is(err, errdefs.ErrInvalidArgument) {
			t.Errorf("%s: %v", row.profile, err)
		}
	}
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	for i := range 2000 {
		p.Syscalls = append(p.Syscalls,
			one("read", specs.ActLog, specs.LinuxSeccompArg{Value: uint64(i) << 16, Op: specs.OpEqualTo}))
	}
	if _, err := Compile(p); err == nil || !errors.Is(err, errdefs.ErrInvalidArgument) {
		t.Errorf("a program of thousands of instructions: %v", err)
	}
	// Names times conditions: a megabyte of text would be gigabytes of rules.
	s := &specs.LinuxSyscall{Action: specs.ActAllow, Names: make([]string, 100_000),
		Args: make([]specs.LinuxSeccompArg, 50_000)}
	for i := range s.Names {
		s.Names[i] = "read"
	}
	for i := range s.Args {
		s.Args[i].Op = specs.OpEqualTo
	}
	p.Syscalls = []specs.LinuxSyscall{*s}
	if _, err := Compile(p); err == nil || !errors.Is(err, errdefs.ErrInvalidArgument) {
		t.Errorf("five billion rules: %v", err)
	}
}

func TestNoFilter(t *testing.T) {
	for _, p := range []*specs.LinuxSeccomp{nil, {}, {Architectures: []specs.Arch{"odd"}, ListenerPath: "/x"}} {
		if f, err := Compile(p); f != nil || err != nil {
			t.Errorf("%+v: %+v, %v", p, f, err)
		}
	}
}

func TestFlags(t *testing.T) {
	if apiLevel() < 4 {
		t.Skipf("this kernel has API level %d", apiLevel())
	}
	for _, row := range []struct {
		flags []specs.LinuxSeccompFlag
		want  uint32
	}{
		{nil, flagSpecAllow}, {[]specs.LinuxSeccompFlag{}, 0}, {[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"}, 0},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, flagLog},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagSpecAllow, specs.LinuxSeccompFlagLog}, flagSpecAllow | flagLog},
	} {
		if f, err := Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: row.flags}); err != nil ||
			f.Flags != row.want {
			t.Errorf("%v: %+v, %v", row.flags, f, err)
		}
	}
}

func BenchmarkDefaultProfile(b *testing.B) {
	p := dockerDefault(b, defaultCaps...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(p); err != nil {
			b.Fatal(err)
		}
	}
}
