package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/seccomp"
)

// ErrNotInPath means that no folder of its PATH has the program.
var ErrNotInPath = errors.New("executable file not found in $PATH")

// lateFilter returns the filter to apply last, if any. Without no_new_privs, drop has applied it already.
func (st *starting) lateFilter() *seccomp.Filter {
	if st.process.NoNewPrivileges {
		return st.c.record.Filter
	}
	return nil
}

// execute finds the program, reports that all is ready and executes it, under filter unless that is nil. If it finds
// none, the start fails.
func (s *steps) execute(p *specs.Process, filter *seccomp.Filter) error {
	if len(p.Args) == 0 {
		return fmt.Errorf("no program to execute: %w", errdefs.ErrInvalidArgument)
	}
	with := execution{args: s.strings(p.Args), env: s.strings(p.Env), filter: filter, program: s.program(filter)}
	name := p.Args[0]
	if strings.Contains(name, "/") {
		s.do("", opExecutable, cstring(name)).because(func(err error) error {
			if err == unix.ENOENT || err == unix.ENOTDIR {
				err = fmt.Errorf("stat %s: %w", name, err)
			}
			return notExecutable(name, err)
		})
		s.become(name, &with)
		return nil
	}
	for _, dir := range strings.Split(variable(p.Env, "PATH"), ":") {
		if name == "" || !path.IsAbs(dir) {
			continue // the folder itself, or one that depends on the working folder
		}
		next := &label{}
		s.do("", opExecutable, cstring(path.Join(dir, name))).tolerate(anyErrno).orElse(next)
		s.become(path.Join(dir, name), &with)
		s.mark(next)
	}
	s.do("", opTest, value(0)).because(func(error) error { return notExecutable(name, ErrNotInPath) })
	return nil
}

// execution is what a program is executed with, and the filter that comes last.
type execution struct {
	args, env address
	filter    *seccomp.Filter
	program   address
}

func notExecutable(name string, err error) error { return fmt.Errorf("exec: %q: %w", name, err) }

// become appends the last things that the process does before it is the program.
func (s *steps) become(file string, with *execution) {
	ready := binary.NativeEndian.AppendUint32(nil, 1<<32-2) // BOX_READY
	s.do("report", unix.SYS_WRITE, value(s.report), s.bytes(append(ready, 0, 0, 0, 0)), value(8))
	s.filter(with.filter, with.program)
	s.do("exec "+file, unix.SYS_EXECVE, cstring(file), with.args, with.env)
}

// variable returns the value of the last entry of that name.
func variable(env []string, name string) (value string) {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}
