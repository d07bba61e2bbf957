// Package signals hands every signal that a process gets to a function.
//
// signal.Notify can do that too, but has its thread for signals and the caller take turns for each of the sixty, and
// again at the end: that was a third of the processor time of a `docker run`. Here the kernel calls a handler of a
// few instructions, which writes the signal's number into a pipe.
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

// own are the signals about this process itself, which are not handed on.
func own(s unix.Signal) bool { return C.box_signals_own(C.int(s)) != 0 }

// Forward calls fn, one call at a time, for every signal that is not about this process itself, until stop, which
// waits for the last call. There may be one at a time in a process.
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
