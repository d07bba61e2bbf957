// Package signals hands every signal that a process gets to a function.
//
// signal.Notify can do that too, but has its thread for signals and the caller take turns for each of the sixty, and again at the
// end: that was a third of the processor time of a `docker run`. Here the kernel calls a handler of a few instructions, which writes
// the signal's number into a pipe.
package signals

import (
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// highest is the last signal of Linux; the C library has those from the first realtime one up to firstFree for itself.
const (
	highest       = 64
	firstRealtime = 32
	firstFree     = 35
)

// action is the kernel's struct sigaction, the same on amd64 and arm64.
type action struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// What the handlers read; set before the first of them is in place.
var (
	pipe   int32   // its writing end
	former uintptr // Go's own handler
)

// handlers gives the addresses of the two handlers of signals_*.s: caught writes the number, fault does so for what another process
// sent and leaves the mistakes of this program to Go.
func handlers() (caught, fault uintptr)

// own are the signals about this process itself: SIGURG is the Go runtime's, SIGPROF its profiler's, SIGPIPE a broken output, and the
// rest the terminal's.
func own(s unix.Signal) bool {
	switch s {
	case unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD, unix.SIGPIPE, unix.SIGURG, unix.SIGWINCH, unix.SIGTTIN, unix.SIGTTOU, unix.SIGPROF:
		return true
	}
	return s >= firstRealtime && s < firstFree
}

// mistake tells the signals by which a processor or the kernel reports one.
func mistake(s unix.Signal) bool {
	switch s {
	case unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSTKFLT, unix.SIGSYS:
		return true
	}
	return false
}

// Forward calls fn, one call at a time, for every signal that is not about this process itself, until stop, which waits for the last
// call. There may be one at a time in a process.
func Forward(fn func(unix.Signal)) (stop func(), err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("pipe for signals: %w", err)
	}
	reader := os.NewFile(uintptr(ends[0]), "signals")
	pipe = int32(ends[1])
	restore, err := install()
	if err != nil {
		reader.Close()
		unix.Close(ends[1])
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		numbers := make([]byte, 16)
		for {
			n, err := reader.Read(numbers)
			for _, s := range numbers[:n] {
				fn(unix.Signal(s))
			}
			if err != nil && err != io.ErrShortBuffer {
				return
			}
		}
	}()
	return func() {
		restore()
		reader.Close()
		<-ended
		unix.Close(ends[1])
	}, nil
}

// install puts the handlers in place and returns what takes them back.
func install() (restore func(), err error) {
	var model action
	if err := sigaction(unix.SIGURG, nil, &model); err != nil { // Go has always one for this: the flags, the mask and the way back are its
		return nil, err
	}
	former = model.handler
	caught, fault := handlers()
	before := map[unix.Signal]*action{}
	restore = func() {
		for s, was := range before {
			_ = sigaction(s, was, nil)
		}
	}
	for s := unix.Signal(1); s <= highest; s++ {
		if own(s) {
			continue
		}
		next := model
		next.handler = caught
		if mistake(s) {
			next.handler = fault
		}
		was := &action{}
		if err := sigaction(s, &next, was); err != nil {
			restore()
			return nil, err
		}
		before[s] = was
	}
	return restore, nil
}

// sigaction is rt_sigaction(2).
func sigaction(s unix.Signal, next, before *action) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(next)), uintptr(unsafe.Pointer(before)), 8, 0, 0)
	if errno != 0 {
		return fmt.Errorf("handler of signal %d: %w", int(s), errno)
	}
	return nil
}
