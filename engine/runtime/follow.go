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

// These limit what a start waits for. During its last calls the process is visible in the container, where it can be
// stopped, and it may touch files that nobody answers for. Neither may hold up the keeper.
const (
	startLimit  = 2 * time.Minute       // for a start
	lookAgain   = 50 * time.Millisecond // between looks at a process that says nothing
	stopsLimit  = 20                    // how often a stopped process is continued
	endingLimit = 2 * time.Second       // for a killed process to be gone
)

var (
	// only the kernel kills it, for lack of memory
	errKilled  = errors.New("container init was OOM-killed (memory limit too low?)")
	errStopped = errors.New("process was stopped before it executed its program")
	errLong    = fmt.Errorf("process did not execute its program within %v", startLimit)
)

// followed is a process on its way to its program.
type followed struct {
	*steps
	pid         int
	second      bool // pid is the second process
	ready, late bool
	until       time.Time
	stops       int
}

// follow reads what process first reports until its program runs or the process is gone.
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

// take notes a report and returns the error in it, if any.
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

// read waits for a report. It returns io.EOF when there will be no more.
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

// look continues a process that somebody stopped. It returns an error if that happens too often or the start takes
// too long.
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

// lateError is the error of a process that was about to become its program. Its end counts as the program's, with
// code 255.
type lateError struct{ error }

func (e *lateError) Unwrap() error { return e.error }

// reap waits for a process that is ending. If the kernel holds on to it, reap leaves it to whoever waits for unknown
// children.
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
