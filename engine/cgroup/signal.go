package cgroup

import (
	"errors"
	"fmt"
	"slices"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// signalRounds is how often processes are looked for that were made while others got their signal, where nothing can
// stop them meanwhile.
const signalRounds = 20

// Kill kills every process of the group and of those below it, those too that are made meanwhile, and lets frozen
// ones go. A group that is gone, or empty, has none.
func (g *Group) Kill() error {
	if err := g.below("kill"); err != nil {
		return err
	}
	all := false
	for _, m := range g.h.mounts {
		// Since Linux 5.14, for all at once. In a tree of v2 beside those of v1 the group may lack some that are
		// elsewhere.
		if m.v2 && m.controllers != nil && write(m.dir+g.path+"/cgroup.kill", "1") == nil {
			all = g.h.unified
		}
	}
	if all {
		return nil
	}
	return g.Signal(unix.SIGKILL)
}

// Signal sends sig to every process of the group and of those below it. They stand still meanwhile, so that none is
// left out that is just being made; those that were frozen before stay so, unless they are killed.
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

// signalNew sends sig to the processes that are not in done, and adds them to it.
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

// signalPart holds the processes by descriptors, and looks again which are in the group: a number that was another's
// process's by then is not.
func (g *Group) signalPart(sig unix.Signal, list []int) (err error) {
	held := map[int]int{}
	defer func() {
		for _, fd := range held {
			unix.Close(fd)
		}
	}()
	for _, pid := range list {
		fd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ENOSYS || err == unix.EPERM { // before Linux 5.3, or behind a filter
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
