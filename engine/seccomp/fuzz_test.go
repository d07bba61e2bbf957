package seccomp

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// FuzzCompile: a profile is somebody's text. It is refused, or its program does what its plain reading says.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"],"syscalls":[{"names":["socket","read"],"action":"SCMP_ACT_LOG","args":[{"index":1,"value":7,"valueTwo":3,"op":"SCMP_CMP_MASKED_EQ"}]}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","flags":[],"syscalls":[{"names":["clone"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"args":[{"index":0,"op":"SCMP_CMP_LT"},{"index":0,"value":9,"op":"SCMP_CMP_GE"}]}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":70000,"listenerPath":"","architectures":["SCMP_ARCH_ARM"],"syscalls":[{"names":["breakpoint","ipc","semop"],"action":"SCMP_ACT_KILL"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := &specs.LinuxSeccomp{}
		if json.Unmarshal(raw, p) != nil {
			return
		}
		filter, err := Compile(p)
		if err != nil || filter == nil {
			return
		}
		program, values, r := parse(filter.Program), interesting(p), rand.New(rand.NewPCG(1, 2))
		if len(program) > maxProgram {
			t.Fatalf("%d instructions", len(program))
		}
		for _, s := range p.Syscalls {
			for _, name := range s.Names {
				i, ok := find(name)
				if !ok {
					continue
				}
				for a, token := range []uint32{auditAMD64, auditX86, auditAMD64, auditARM, auditARM64} {
					d := data{nr: uint32(table()[i].num[a]), arch: token}
					if arch(a) == x32 {
						d.nr |= x32Bit
					}
					arguments(r, values, d, 2, func(d data) {
						if got, want := run(t, program, d), plain(p, d); got != want {
							t.Fatalf("arch %#x call %#x args %#x: %#x, want %#x", d.arch, d.nr, d.args, got, want)
						}
					})
				}
			}
		}
	})
}
