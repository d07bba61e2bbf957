package runtime

/*
#cgo CFLAGS: -O2 -fno-stack-protector
#include "run.h"
*/
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// start makes a process that carries out s, with the flags of clone(2), in the control group of the open folder group
// unless that is -1. It returns the process's number once it has executed its program, or the error of the step that
// failed. After an error no process is left, unless it is a lateError.
//
// Nothing else in this process may wait for children that it does not know.
func (s *steps) start(flags uintptr, group int) (pid int, err error) {
	defer s.near.Close()
	first, err := s.clone(flags, group)
	if err != nil {
		return 0, err
	}
	return s.follow(first)
}

// clone makes the process as start does, without waiting for its reports.
func (s *steps) clone(flags uintptr, group int) (pid int, err error) {
	defer s.far.Close()
	image, err := s.image()
	if err != nil {
		return 0, err
	}
	hideHeap()
	first := int(C.box_run((*C.struct_box_step)(image.steps), C.int(len(s.list)), (*C.int64_t)(image.regs), C.ulong(flags),
		C.int(group), C.int(s.report)))
	// At once: the copies of other starts would have it, and what the program is given is a secret.
	_ = unix.Munmap(image.mem)
	if first < 0 {
		return 0, fmt.Errorf("new process: %w", unix.Errno(-first))
	}
	return first, nil
}

// arena is what Go's heap grows by, at multiples of it. The first arena lies somewhere else in each process, and the
// others follow it.
const arena = 64 << 20

// hideHeap keeps Go's heap, with the stacks in it, out of the copy that a start makes of this process: it holds other
// containers' secrets, and the copy enters a container from where it may be looked at. It also makes the copy
// cheaper.
func hideHeap() {
	here := new([64]byte)
	from := uintptr(unsafe.Pointer(here)) &^ (arena - 1)
	to := from + arena
	for mapped(from - arena) {
		from -= arena
	}
	for mapped(to) {
		to += arena
	}
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTFORK)
}

// mapped tells whether there is memory at an address (msync(2)).
func mapped(at uintptr) bool {
	_, _, errno := unix.Syscall(unix.SYS_MSYNC, at, uintptr(unix.Getpagesize()), unix.MS_ASYNC)
	return errno == 0
}

// image is the steps as the process reads them.
type image struct {
	mem         []byte
	steps, regs unsafe.Pointer
}

// image lays the steps out in a mapping of their own, outside the heap.
func (s *steps) image() (image, error) {
	if s.err != nil {
		return image{}, s.err
	}
	const size = int(unsafe.Sizeof(C.struct_box_step{}))
	list := (len(s.b) + 15) &^ 15
	regs := list + len(s.list)*size
	mem, err := unix.Mmap(-1, 0, regs+8*(s.regs+1), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return image{}, fmt.Errorf("memory for a start: %w", err)
	}
	at := unsafe.Pointer(unsafe.SliceData(mem))
	s.load(mem, uintptr(at))
	out := unsafe.Slice((*C.struct_box_step)(unsafe.Add(at, list)), len(s.list))
	for i := range s.list {
		s.list[i].encode(&out[i], i, uintptr(at))
	}
	return image{mem: mem, steps: unsafe.Add(at, list), regs: unsafe.Add(at, regs)}, nil
}

// encode writes step number i, whose memory begins at base.
func (st *step) encode(to *C.struct_box_step, i int, base uintptr) {
	to.nr, to.out = C.int32_t(st.nr), C.int32_t(st.out)
	for j, a := range st.args {
		n, isRegister := a.encode(base)
		to.arg[j] = C.uint64_t(n)
		if isRegister {
			to.regs |= 1 << j
		}
	}
	for j, e := range st.pass {
		to.pass[j] = C.int32_t(e)
	}
	to.skip_pass, to.skip_ok = skip(st.passed, i), skip(st.done, i)
}

// skip returns how many steps after i lie before l.
func skip(l *label, i int) C.int32_t {
	if l == nil {
		return 0
	}
	return C.int32_t(l.at - i - 1)
}

// number returns the number of a file's descriptor. File.Fd would make the descriptor block.
func number(f *os.File) (n int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	return n, raw.Control(func(fd uintptr) { n = int(fd) })
}
