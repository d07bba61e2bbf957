// Package signals passes all signals of a process to a function.
//
// signal.Notify does that too, but switches between threads for each of some sixty signals, at the start and at the
// end, which took a third of the CPU time of `docker run`. Here the kernel calls a handler of a few instructions that
// writes the number of the signal to a pipe.
package signals

// #include "signals.h"
import "C"

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// highest is the last signal of Linux.
const highest = C.BOX_SIGNALS

// own tells whether a signal is about this process itself and is not forwarded.
func own(s unix.Signal) bool { return C.box_signals_own(C.int(s)) != 0 }

// Forward calls fn for each signal that is not about this process itself, one call at a time. stop ends that and waits
// for the last call. A process can have only one Forward at a time.
func Forward(fn func(unix.Signal)) (stop func(), err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, fmt.Errorf("pipe for signals: %w", err)
	}
	reader := os.NewFile(uintptr(ends[0]), "signals")
	if errno := C.box_signals_start(C.int(ends[1])); errno != 0 {
		reader.Close()
		unix.Close(ends[1])
		return nil, fmt.Errorf("handlers of signals: %w", unix.Errno(errno))
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
		C.box_signals_stop(C.BOX_SIGNALS)
		reader.Close()
		<-ended
		unix.Close(ends[1])
	}, nil
}
