package seccomp

import (
	"runtime"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// rules are a profile with numbers instead of names.
type rules struct {
	def    uint32 // verdict of calls that no rule is for
	native arch
	archs  [columns]bool
	list   []rule
	newest [columns]uint32 // number of the newest call that is named, 0 for none; with the bit that marks those of x32
	enosys bool            // newer calls do not exist
}

// rule is a verdict for a call if all conditions hold.
type rule struct {
	call    int // place in the table of names
	verdict uint32
	conds   []condition
}

// condition compares an unsigned argument: argument & mask == value, argument > value, or argument >= value.
type condition struct {
	argument    uint
	op          uint16 // opEqual, opGreater, opAtLeast
	mask, value uint64
	not         bool // it must not hold
}

// maxRules is more than fit into a program, unless most of the rules are equal.
const maxRules = 1 << 16

// read checks a profile in the order in which runc does, with runc's error messages.
func read(p *specs.LinuxSeccomp) (*rules, error) {
	r := &rules{}
	var ok bool
	if r.native, ok = archNamed(runtime.GOARCH); !ok {
		return nil, invalid("seccomp filters for %s are not implemented", runtime.GOARCH)
	}
	r.archs[r.native] = true
	for _, name := range p.Architectures {
		a, known := archOf(name)
		if !known {
			return nil, invalid("string %s is not a valid arch for seccomp", name)
		}
		if a != foreign {
			r.archs[a] = true
		}
	}
	var err error
	if r.def, err = verdict(p.DefaultAction, p.DefaultErrnoRet); err != nil {
		return nil, err
	}
	switch p.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace: // whoever traces knows what to do with new calls
	default:
		r.enosys = true
	}
	if p.ListenerPath != "" {
		return nil, invalid("seccomp listenerPath %s: an agent for system calls is not supported", p.ListenerPath)
	}
	for i := range p.Syscalls {
		if err := r.add(&p.Syscalls[i]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// add adds the rules of one block of a profile.
func (r *rules) add(s *specs.LinuxSyscall) error {
	v, err := verdict(s.Action, s.ErrnoRet)
	if err != nil {
		return err
	}
	var conds []condition
	if len(s.Names) > 0 {
		if conds, err = conditions(s.Args); err != nil {
			return err
		}
	}
	for _, name := range s.Names {
		if name == "" {
			return invalid(late + "empty string is not a valid syscall")
		}
		call, known := find(name)
		if !known {
			continue
		}
		r.named(call)
		if v == r.def {
			continue
		}
		for _, c := range s.Args {
			if c.Index > 5 {
				return invalid(late+"error creating seccomp syscall condition for syscall %s: system calls have 6 arguments, "+
					"number %d was named", name, c.Index)
			}
		}
		if len(r.list)+len(conds) > maxRules {
			return invalid(late+"error loading seccomp filter into kernel: more than %d seccomp rules", maxRules)
		}
		if !repeated(conds) {
			r.list = append(r.list, rule{call, v, conds})
			continue
		}
		// Of several conditions on one argument one is enough, as it has always been with runc.
		for i := range conds {
			r.list = append(r.list, rule{call, v, conds[i : i+1]})
		}
	}
	return nil
}

// named records the newest numbers.
func (r *rules) named(call int) {
	for a, n := range table()[call].num {
		if n == absent {
			continue
		}
		number := uint32(n)
		if arch(a) == x32 {
			number |= x32Bit
		}
		r.newest[a] = max(r.newest[a], number)
	}
}

func conditions(args []specs.LinuxSeccompArg) ([]condition, error) {
	var out []condition
	for _, a := range args {
		c := condition{argument: a.Index, op: opEqual, mask: ^uint64(0), value: a.Value}
		switch a.Op {
		case specs.OpEqualTo:
		case specs.OpNotEqual:
			c.not = true
		case specs.OpMaskedEqual:
			c.mask, c.value = a.Value, a.ValueTwo&a.Value
		case specs.OpGreaterThan:
			c.op = opGreater
		case specs.OpGreaterEqual:
			c.op = opAtLeast
		case specs.OpLessThan:
			c.op, c.not = opAtLeast, true
		case specs.OpLessEqual:
			c.op, c.not = opGreater, true
		default:
			return nil, invalid("string %s is not a valid operator for seccomp", a.Op)
		}
		out = append(out, c)
	}
	return out, nil
}

// repeated tells whether two conditions are about the same argument.
func repeated(conds []condition) bool {
	seen := uint(0)
	for _, c := range conds {
		if seen&(1<<c.argument) != 0 {
			return true
		}
		seen |= 1 << c.argument
	}
	return false
}
