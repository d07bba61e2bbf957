package runtime

/*
#include "run.h"
*/
import "C"

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What a start waits for. The process is among the container's for its last calls, which can stop it there, and may
// have to do with files that nobody answers for: none of that may hold up the keeper.
const (
	startLimit  = 2 * time.Minute       // for a start
	lookAgain   = 50 * time.Millisecond // between looks at a process that says nothing
	stopsLimit  = 20                    // how often one goes on that was stopped
	endingLimit = 2 * time.Second       // for one that was killed to be gone
)

var (
	// nothing else kills it than the kernel for want of memory
	errKilled  = errors.New("container init was OOM-killed (memory limit too low?)")
	errStopped = errors.New("process was stopped before it executed its program")
	errLong    = fmt.Errorf("process did not execute its program within %v", startLimit)
)

// followed is a process on its way to its program.
type followed struct {
	*steps
	pid         int
	second      bool // it is the second one
	ready, late bool
	until       time.Time
	stops       int
}

// follow reads what process first reports until its program runs or it is gone.
func (s *steps) follow(first int) (pid int, err error) {
	f := &followed{steps: s, pid: first, until: time.Now().Add(startLimit)}
	for {
		what, value, readErr := f.read()
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			err, f.late = readErr, false
			break
		}
		if said := f.take(what, value); said != nil {
			err = said
		}
	}
	if err == nil && !f.ready {
		err = errKilled
	}
	if f.late {
		return f.pid, &lateError{err}
	}
	if err != nil {
		_ = unix.Kill(f.pid, unix.SIGKILL)
		reap(f.pid)
		return 0, err
	}
	return f.pid, nil
}

// take notes a report, and returns the error that it tells of.
func (f *followed) take(what int, value unix.Errno) error {
	switch {
	case what == C.BOX_FORKED && !f.second && value > 0:
		first := f.pid
		f.pid, f.second = int(value), true
		reap(first)
	case what == C.BOX_READY:
		f.ready = true
	default:
		f.late = f.ready
		return f.failure(what, value)
	}
	return nil
}

// read waits for a report. io.EOF means that there will be no more.
func (f *followed) read() (what int, value unix.Errno, err error) {
	var pair [8]byte
	for {
		_ = f.near.SetReadDeadline(time.Now().Add(lookAgain))
		_, err := io.ReadFull(f.near, pair[:])
		if err == nil {
			return int(int32(binary.NativeEndian.Uint32(pair[:]))), unix.Errno(binary.NativeEndian.Uint32(pair[4:])), nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, 0, io.EOF
		}
		if err := f.look(); err != nil {
			return 0, 0, err
		}
	}
}

// look lets a process go on that somebody stopped.
func (f *followed) look() error {
	if time.Now().After(f.until) {
		return errLong
	}
	words, err := processState(f.pid)
	if err != nil || words[0] != "T" && words[0] != "t" {
		return nil
	}
	if f.stops++; f.stops > stopsLimit {
		return errStopped
	}
	_ = unix.Kill(f.pid, unix.SIGCONT)
	return nil
}

// lateError is of a process that was all but its program, whose end is the program's: with code 255.
type lateError struct{ error }

func (e *lateError) Unwrap() error { return e.error }

// reap waits for a process that is ending. One that the kernel holds on to is left to who waits for children that
// nobody knows.
func reap(pid int) {
	pause := 100 * time.Microsecond
	for limit := time.Now().Add(endingLimit); time.Now().Before(limit); pause = min(2*pause, 20*time.Millisecond) {
		got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		if got == pid || err != nil && err != unix.EINTR {
			return
		}
		time.Sleep(pause)
	}
}
