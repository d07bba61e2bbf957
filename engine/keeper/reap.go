package keeper

import (
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/task"
)

// orphanPause is how long the sweep for orphans waits while programs are being started.
const orphanPause = 500 * time.Millisecond

// becomeSubreaper makes this process the parent of those that lose theirs (prctl(2), PR_SET_CHILD_SUBREAPER), such as
// what an exec leaves behind in the host's PID namespace.
func becomeSubreaper() error {
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
}

// reap waits for children until the returned function is called.
//
// Programs are waited for by pid, at once. The sweep for orphans runs only while nothing is being started: a start
// has children of its own, whose end only the start may learn of.
func (k *Keeper) reap() (stop func()) {
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, unix.SIGCHLD)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		k.reapPrograms() // some may have ended while nobody listened
		retry := time.NewTimer(orphanPause)
		defer retry.Stop()
		for {
			select {
			case <-done:
				return
			case <-chld:
				k.reapPrograms()
			case <-retry.C:
			}
			if !k.starts.TryLock() {
				retry.Reset(orphanPause)
				continue
			}
			k.reapOrphans()
			k.starts.Unlock()
		}
	})
	return func() {
		signal.Stop(chld)
		close(done)
		wg.Wait()
	}
}

// reapPrograms reaps every known program that has ended.
func (k *Keeper) reapPrograms() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for pid, p := range k.programs {
		var ws unix.WaitStatus
		got, err := unix.Wait4(pid, &ws, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR, err == nil && got == 0:
			continue
		case err != nil:
			ws = unix.WaitStatus(unix.SIGKILL) // not our child: nobody can know how it ended
		}
		delete(k.programs, pid)
		p.reaped = true
		k.endings.Go(func() { k.end(p, exitCode(ws), time.Now()) })
	}
}

// reapOrphans reaps children that belong to no program. The caller holds k.starts for writing.
func (k *Keeper) reapOrphans() {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		pid := siginfoPid(&info)
		if err != nil || pid == 0 {
			return
		}
		k.mu.Lock()
		_, known := k.programs[pid]
		k.mu.Unlock()
		if known {
			k.reapPrograms()
			continue
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return
		}
	}
}

// exitCode returns the status that a shell would report.
func exitCode(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// end drains a program that was reaped and publishes its exit.
func (k *Keeper) end(p *program, code int, at time.Time) {
	defer k.busy()
	k.mu.Lock()
	c := k.containers[p.container]
	k.mu.Unlock()
	e := task.Exit{Container: p.container, Exec: p.exec, Pid: p.pid, Code: code, At: at}
	if p.exec == "" && c != nil {
		if !c.launch.OwnPidSpace {
			_ = c.rt.Signal(unix.SIGKILL)
		}
		e.OOMKilled = c.rt.OOMKills() > 0
	}
	p.finish(at)
	k.mu.Lock()
	p.exit = &e
	k.mu.Unlock()
	close(p.ended)
	if p.exec == "" {
		k.names.drop(p.container) // before it can be started again
	}
	k.exits.add(e)
	if p.exec == "" && c != nil {
		k.remove(c)
	}
}

// removeLimit bounds how long processes that a container's end left in its cgroup may take to go.
const removeLimit = 10 * time.Second

// remove deletes the cgroup and the record of a container whose program ended. It tries again while processes that
// are left in the cgroup go.
func (k *Keeper) remove(c *container) {
	defer close(c.deleted)
	pause := time.Millisecond
	for limit := time.Now().Add(removeLimit); ; pause = min(2*pause, 100*time.Millisecond) {
		err := c.rt.Delete()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			k.o.Log.Warn("remove container", "id", c.id, "error", err)
			return
		}
		time.Sleep(pause)
	}
}
