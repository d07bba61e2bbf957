package cgroup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// signalRounds bounds how often to look for processes created while others were signalled, if the group cannot be
// frozen.
const signalRounds = 20

// Kill kills every process in and below the group, including those created meanwhile and frozen ones. A missing or
// empty group is no error.
func (g *Group) Kill() error {
	if err := g.below("kill"); err != nil {
		return err
	}
	all := false
	for _, m := range g.h.mounts {
		// Since Linux 5.14 this kills all at once. In a v2 tree beside v1 trees the group may lack some of the
		// processes.
		if m.v2 && m.controllers != nil && write(m.dir+g.path+"/cgroup.kill", "1") == nil {
			all = g.h.unified
		}
	}
	if all {
		return nil
	}
	return g.Signal(unix.SIGKILL)
}

// Signal sends sig to every process in and below the group. The group is frozen meanwhile, so that a process being
// created is not missed. A group that was frozen before stays frozen, unless sig kills it.
func (g *Group) Signal(sig unix.Signal) error {
	if err := g.below("signal"); err != nil {
		return err
	}
	list, err := g.Pids()
	if errdefs.IsNotFound(err) || err == nil && len(list) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	before, err := g.Frozen()
	if err != nil {
		return err
	}
	still := before || g.Freeze() == nil
	if still && (!before || sig == unix.SIGKILL) {
		defer func() { _ = g.Thaw() }()
	}
	done := map[int]bool{}
	for round := 0; round < signalRounds; round++ {
		more, err := g.signalNew(sig, done)
		if err != nil || !more || still {
			return err
		}
	}
	return nil
}

// signalNew signals the processes that are not in done, and adds them to it.
func (g *Group) signalNew(sig unix.Signal, done map[int]bool) (more bool, err error) {
	list, err := g.Pids()
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	list = slices.DeleteFunc(list, func(pid int) bool { return done[pid] })
	for part := range slices.Chunk(list, 100) {
		if err := g.signalPart(sig, part); err != nil {
			return false, err
		}
		for _, pid := range part {
			done[pid] = true
		}
	}
	return len(list) > 0, nil
}

// signalPart opens the processes as descriptors and then checks again which are in the group, since a number may have
// been reused meanwhile.
func (g *Group) signalPart(sig unix.Signal, list []int) (err error) {
	held := map[int]int{}
	defer func() {
		for _, fd := range held {
			unix.Close(fd)
		}
	}()
	for _, pid := range list {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ENOSYS || err == unix.EPERM { // before Linux 5.3, or blocked by a filter
			return signalNumbers(sig, list)
		}
		if err == nil {
			held[pid] = fd
		}
	}
	in, err := g.Pids()
	if errdefs.IsNotFound(err) {
		return nil
	}
	for _, pid := range in {
		fd, ok := held[pid]
		if !ok {
			continue
		}
		if sent := unix.PidfdSendSignal(fd, sig, nil, 0); sent != nil && sent != unix.ESRCH {
			err = errors.Join(err, fmt.Errorf("signal process %d: %w", pid, sent))
		}
	}
	return err
}

func signalNumbers(sig unix.Signal, list []int) (err error) {
	for _, pid := range list {
		if sent := unix.Kill(pid, sig); sent != nil && sent != unix.ESRCH {
			err = errors.Join(err, fmt.Errorf("signal process %d: %w", pid, sent))
		}
	}
	return err
}
