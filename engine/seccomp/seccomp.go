// Package seccomp compiles seccomp profiles of the OCI runtime spec to programs for the kernel. It is written in Go and
// takes less than a millisecond, whereas libseccomp takes 28-37 ms and has to be linked in.
//
// It knows the architectures whose system calls an amd64 or arm64 kernel can receive. A profile may name others, which
// add nothing to a filter.
//
// Verdicts are those of libseccomp's programs, against which the tests check them, and of runc: a system call that is
// newer than all that a profile names does not exist (ENOSYS), so that programs use an older one instead of failing.
// Compilers may differ in one case, conditional rules of one system call with different actions and overlapping
// conditions. Here the rule that was added first is used.
//
// Which profile a container gets is decided in engine/spec (seccomp.go).
package seccomp

import (
	"encoding/binary"
	"fmt"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Filter is a compiled filter for seccomp(2).
type Filter struct {
	Flags   uint32 // SECCOMP_FILTER_FLAG_* that the profile asks for; this kernel has them
	Program []byte // struct sock_filter, 8 bytes each, in the machine's byte order
}

// Compile compiles a profile. It returns nil for an empty profile, which is no filter.
//
// Unknown names of system calls are skipped, because a profile may be newer than this file. Anything else that is
// unknown or not supported, such as notifications of an agent, is a Refusal.
func Compile(p *specs.LinuxSeccomp) (*Filter, error) {
	if p == nil || p.DefaultAction == "" && len(p.Syscalls) == 0 {
		return nil, nil
	}
	flags, err := flagsOf(p)
	if err != nil {
		return nil, err
	}
	r, err := read(p)
	if err != nil {
		return nil, err
	}
	program, err := r.compile()
	if err != nil {
		return nil, err
	}
	return &Filter{Flags: flags, Program: encode(program)}, nil
}

func encode(program []instruction) []byte {
	out := make([]byte, 0, 8*len(program))
	for _, in := range program {
		out = binary.NativeEndian.AppendUint16(out, in.op)
		out = append(out, in.jt, in.jf)
		out = binary.NativeEndian.AppendUint32(out, in.k)
	}
	return out
}

// late is the prefix of errors that runc finds only when the container's first process installs its filter.
const late = "unable to start container process: error during container init: "

// Refusal says why a profile has no filter, in runc's words, which Docker's users know. Its class is
// errdefs.ErrInvalidArgument.
type Refusal string

// Error returns runc's text.
func (r Refusal) Error() string { return string(r) }

// Unwrap returns the class.
func (r Refusal) Unwrap() error { return errdefs.ErrInvalidArgument }

func invalid(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }
