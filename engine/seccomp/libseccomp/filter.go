package seccomp

import (
	"errors"
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/engine/seccomp"
)

// ScmpFilter collects rules until they are exported as a program. It is not for use by several goroutines at once.
type ScmpFilter struct {
	def     ScmpAction
	profile *specs.LinuxSeccomp // nil in a filter that was not made by NewFilter
	noNewPrivs, log,
	ssb bool
}

var errBadFilter = errors.New("seccomp filter was not made by NewFilter")

// NewFilter makes a filter for the native architecture without rules. A call of an architecture that the filter does
// not have ends the thread.
func NewFilter(defaultAction ScmpAction) (*ScmpFilter, error) {
	action, code, err := defaultAction.spec()
	if err != nil {
		return nil, err
	}
	p := &specs.LinuxSeccomp{DefaultAction: action, DefaultErrnoRet: code}
	return &ScmpFilter{def: defaultAction, profile: p, noNewPrivs: true}, nil
}

// AddArch makes the rules hold for a further architecture. One whose calls cannot arrive at this kernel adds nothing.
func (f *ScmpFilter) AddArch(arch ScmpArch) error {
	if f.profile == nil {
		return errBadFilter
	}
	if a := arch.spec(); a != "" {
		f.profile.Architectures = append(f.profile.Architectures, a)
	}
	return nil
}

// AddRule has action taken on every call, on each architecture that has it. It overrides rules with conditions; of two
// the first stays.
func (f *ScmpFilter) AddRule(call ScmpSyscall, action ScmpAction) error {
	return f.AddRuleConditional(call, action, nil)
}

// AddRuleConditional has action taken on calls for which all conditions hold.
func (f *ScmpFilter) AddRuleConditional(call ScmpSyscall, action ScmpAction, conds []ScmpCondition) error {
	if f.profile == nil {
		return errBadFilter
	}
	to, code, err := action.spec()
	if err != nil {
		return err
	}
	if action == f.def {
		return errors.New("a seccomp rule's action must differ from the default")
	}
	name, ok := call.name()
	if !ok {
		return fmt.Errorf("system call %d: %w", call, ErrSyscallDoesNotExist)
	}
	rule := specs.LinuxSyscall{Names: []string{name}, Action: to, ErrnoRet: code}
	seen := 0
	for _, c := range conds {
		if c.Argument > 5 || seen&(1<<c.Argument) != 0 {
			return fmt.Errorf("system call %d: argument %d cannot be compared twice in one rule", call, c.Argument)
		}
		seen |= 1 << c.Argument
		rule.Args = append(rule.Args, specs.LinuxSeccompArg{Index: c.Argument, Value: c.Operand1, ValueTwo: c.Operand2,
			Op: operators[c.Op]})
	}
	f.profile.Syscalls = append(f.profile.Syscalls, rule)
	return nil
}

// ExportBPF writes the compiled filter to file as an array of struct sock_filter.
func (f *ScmpFilter) ExportBPF(file *os.File) error {
	if f.profile == nil {
		return errBadFilter
	}
	program, err := seccomp.Bare(f.profile)
	if err != nil {
		return err
	}
	if _, err := file.Write(program); err != nil {
		return fmt.Errorf("writing a seccomp filter: %w", err)
	}
	return nil
}

// SetOptimize is accepted: every filter is a binary tree.
func (f *ScmpFilter) SetOptimize(int) error { return f.set(nil, false) }

// SetNoNewPrivsBit says whether no_new_privs is to be set before the filter is loaded.
func (f *ScmpFilter) SetNoNewPrivsBit(state bool) error { return f.set(&f.noNewPrivs, state) }

// GetNoNewPrivsBit gives what SetNoNewPrivsBit set; true at first.
func (f *ScmpFilter) GetNoNewPrivsBit() (bool, error) { return f.noNewPrivs, f.set(nil, false) }

// SetLogBit asks that all actions but allow be logged (Linux 4.14).
func (f *ScmpFilter) SetLogBit(state bool) error { return f.setFlag("log flag", 3, &f.log, state) }

// GetLogBit gives what SetLogBit set.
func (f *ScmpFilter) GetLogBit() (bool, error) { return f.log, f.set(nil, false) }

// SetSSB asks that speculative store bypass stay on (Linux 4.17).
func (f *ScmpFilter) SetSSB(state bool) error { return f.setFlag("SSB flag", 4, &f.ssb, state) }

// GetSSB gives what SetSSB set.
func (f *ScmpFilter) GetSSB() (bool, error) { return f.ssb, f.set(nil, false) }

// SetWaitKill asks that a thread whose call an agent judges wait killably (Linux 5.19): agents are not supported.
func (f *ScmpFilter) SetWaitKill(state bool) error {
	return f.setFlag("wait-killable flag", 7, nil, state)
}

// GetWaitKill tells that SetWaitKill sets nothing.
func (f *ScmpFilter) GetWaitKill() (bool, error) { return false, f.set(nil, false) }

// setFlag sets a flag that wants an API level; the kernel is asked first, so that a zero filter can be used to probe.
func (f *ScmpFilter) setFlag(what string, min uint, field *bool, state bool) error {
	if level, _ := GetAPI(); level < min {
		return &VersionError{what: what, level: level, min: min}
	}
	return f.set(field, state)
}

func (f *ScmpFilter) set(field *bool, state bool) error {
	if f.profile == nil {
		return errBadFilter
	}
	if field != nil {
		*field = state
	}
	return nil
}
