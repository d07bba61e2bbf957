package runtime

/*
#include "run.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// steps are the system calls that a process makes on its way to a container's program, written down before the
// process exists. The process is a copy of the keeper and executes no file in between, so a start costs little more
// than the kernel's part of it (run.c).
type steps struct {
	memory
	list      []step
	regs      int
	near, far *os.File // ends of the socket pair for reports
	report    int      // far's number
	highest   int      // first number above the descriptors that are kept at the beginning
}

// newSteps returns steps that first close all descriptors but the inherited ones and the one for reports: the process
// will enter places from where the keeper's must be out of reach. start must follow.
func newSteps(inherited ...int) (*steps, error) {
	s := &steps{}
	// Not a pipe: anybody who may look at the process could reopen its end through /proc and write into it.
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socket pair for reports: %w", err)
	}
	s.near, s.far = os.NewFile(uintptr(ends[0]), "reports"), os.NewFile(uintptr(ends[1]), "reports")
	if s.report, err = number(s.far); err != nil {
		return nil, err
	}
	s.protect()
	kept := append([]int{s.report}, inherited...)
	slices.Sort(kept)
	from := 3
	for _, fd := range kept {
		if fd > from {
			s.do("close descriptors", opClose, value(from), value(fd-1))
		}
		from = max(from, fd+1)
	}
	s.do("close descriptors", opClose, value(from), value(1<<31-1))
	s.highest = from
	return s, nil
}

// protect makes the process visible only to those who may look at all of the host's processes. A change of its user
// may have undone that (proc_sys_fs(5), suid_dumpable).
func (s *steps) protect() {
	s.do("protect the process", unix.SYS_PRCTL, value(unix.PR_SET_DUMPABLE))
}

// step is one system call, or one of the operations of run.h. Missing operands are 0.
type step struct {
	nr     operation
	args   []word
	out    register
	pass   []unix.Errno
	passed *label
	done   *label
	fail   func(error) error // says what an error means
}

// operation is the number of a system call, or one of C's box_op.
type operation int32

// Operations of run.h, which describes their operands.
const (
	opFork       operation = C.BOX_FORK
	opPlace      operation = C.BOX_PLACE
	opDecimal    operation = C.BOX_DECIMAL
	opMode       operation = C.BOX_MODE
	opExecutable operation = C.BOX_EXECUTABLE
	opStore      operation = C.BOX_STORE
	opAbsolute   operation = C.BOX_ABSOLUTE
	opClose      operation = C.BOX_CLOSE
	opTest       operation = C.BOX_TEST
	opSignals    operation = C.BOX_SIGNALS
	opOr         operation = C.BOX_OR
	opFlags      operation = C.BOX_FLAGS
	opDevice     operation = C.BOX_DEVICE
	opFree       operation = C.BOX_FREE
)

// operand is an argument of a step. All kinds are here: another one does not compile unless it says how C reads it.
type operand interface{ in(m *memory) word }

// word is an operand as C reads it: a number, or that of a register, in a memory that begins at base.
type word interface {
	encode(base uintptr) (n uint64, isRegister bool)
}

func (v value) in(*memory) word     { return v }
func (k placeKind) in(*memory) word { return k }
func (a address) in(*memory) word   { return a }
func (r register) in(*memory) word  { return r }
func (c cstring) in(m *memory) word { return m.text(string(c)) }

func (v value) encode(uintptr) (uint64, bool)        { return uint64(v), false }
func (k placeKind) encode(uintptr) (uint64, bool)    { return uint64(k), false }
func (a address) encode(base uintptr) (uint64, bool) { return uint64(base) + uint64(a), false }
func (r register) encode(uintptr) (uint64, bool)     { return uint64(r), true }

// value is a number that is known before the start.
type value int64

// cstring is a text, given by its address.
type cstring string

// placeKind says what opPlace makes where nothing exists, and whether it follows links.
type placeKind int

const (
	there    placeKind = C.BOX_THERE
	folder   placeKind = C.BOX_FOLDER
	file     placeKind = C.BOX_FILE
	realPath placeKind = C.BOX_REAL
)

// register holds a step's result for later ones. Register 0 tells whether the process was made in its control group.
type register int

const (
	inGroup register = 0
	none    register = -1
)

// label is a step that others lead to, the one after mark.
type label struct{ at int }

// anyErrno stands for every error.
const anyErrno unix.Errno = C.BOX_ANY

// current is the folder in which relative paths begin.
const current value = unix.AT_FDCWD

// do appends a step. what is what was being done, for the text of an error.
func (s *steps) do(what string, nr operation, args ...operand) *step {
	words := make([]word, len(args))
	for i, a := range args {
		words[i] = a.in(&s.memory)
	}
	s.list = append(s.list, step{nr: nr, args: words, out: none, fail: func(err error) error {
		return fmt.Errorf("%s: %w", what, err)
	}})
	return &s.list[len(s.list)-1]
}

// open is do for a step that returns a descriptor, or another number that later steps need.
func (s *steps) open(what string, nr operation, args ...operand) register {
	st := s.do(what, nr, args...)
	st.out = s.register()
	return st.out
}

// release closes descriptors after their last use.
func (s *steps) release(list ...operand) {
	for _, fd := range list {
		s.do("close a descriptor", unix.SYS_CLOSE, fd)
	}
}

func (s *steps) register() register {
	s.regs++
	return register(s.regs)
}

// tolerate lets these errors of the step pass.
func (st *step) tolerate(errs ...unix.Errno) *step {
	st.pass = errs
	return st
}

// orElse continues at l after a tolerated error, and then does after success.
func (st *step) orElse(l *label) *step {
	st.passed = l
	return st
}

func (st *step) then(l *label) *step {
	st.done = l
	return st
}

func (st *step) into(r register) *step {
	st.out = r
	return st
}

// because replaces the meaning of the step's errors.
func (st *step) because(fail func(error) error) *step {
	st.fail = fail
	return st
}

// mark puts l before the next step.
func (s *steps) mark(l *label) { l.at = len(s.list) }

// failure returns the error of step i, which ended with errno.
func (s *steps) failure(i int, errno unix.Errno) error {
	if i < 0 || i >= len(s.list) {
		return errors.New("start ended at a step that is not there")
	}
	return s.list[i].fail(errno)
}

// procLink is the path of a descriptor below a folder that shows /proc.
type procLink struct {
	text address
	at   address
}

// link makes room for the path of a descriptor: prefix, then its number.
func (s *steps) link(prefix string) procLink {
	at := s.fresh(prefix + "0000000000")
	return procLink{text: at, at: at + address(len(prefix))}
}

// show writes the number of descriptor fd to the end of the path.
func (s *steps) show(l procLink, fd register) { s.do("path of a descriptor", opDecimal, l.at, fd) }
