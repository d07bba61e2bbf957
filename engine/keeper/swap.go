package keeper

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/network/resolver"
)

// checkWait bounds how long a new executable may take to say that it can read the state.
const checkWait = 20 * time.Second

// swap replaces this process's image with the executable at o.path. It returns only if it cannot, with the reason,
// and the keeper then continues as before.
//
// No byte of output and no exit is lost: pumps stop between two bytes, the state carries what they hold, pipes and
// sockets are inherited, and children stay children. The next executable polls every pid, since a SIGCHLD in between
// is lost.
func (k *Keeper) swap(o order, stopReaper func()) error {
	if !o.copy {
		if err := k.checkExecutable(o.path); err != nil {
			stopReaper()
			return err
		}
	}
	k.starts.Lock()
	defer k.starts.Unlock()
	stopReaper()
	k.endings.Wait()
	k.packer.Stop()
	stopped := k.livePrograms()
	for _, p := range stopped {
		p.stop()
	}
	forwarders := k.forwarders()
	for _, f := range forwarders {
		f.pause()
	}
	k.names.each((*resolver.Server).Pause)
	err := k.execInPlace(o)
	k.names.each((*resolver.Server).Start)
	for _, f := range forwarders {
		f.resume()
	}
	for _, p := range stopped {
		p.start()
	}
	k.packer.Start()
	return err
}

// livePrograms returns the programs whose streams are still open.
func (k *Keeper) livePrograms() []*program {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []*program
	for _, c := range k.containers {
		for _, p := range append([]*program{c.main}, programsOf(c.execs)...) {
			if p.exit == nil {
				list = append(list, p)
			}
		}
	}
	return list
}

func (k *Keeper) forwarders() (list []forwarder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		for _, f := range h.forwarders {
			list = append(list, f)
		}
	}
	return list
}

func programsOf(m map[string]*program) []*program {
	list := make([]*program, 0, len(m))
	for _, p := range m {
		list = append(list, p)
	}
	return list
}

// checkExecutable runs the file at path with --check-state, which has to read the present state and accept it.
func (k *Keeper) checkExecutable(path string) error {
	st, _, err := k.save(order{})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	k.starts.RLock() // nobody else may reap the child
	defer k.starts.RUnlock()
	cmd := exec.Command(path, "keeper", "--check-state")
	timer := time.AfterFunc(checkWait, func() {
		if cmd.Process != nil {
			_ = cmd.Process.Kill()
		}
	})
	defer timer.Stop()
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s cannot take over: %w: %w", path, err, errInvalid)
	}
	_, _ = in.Write(raw)
	in.Close()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s cannot take over: %w: %w", path, err, errInvalid)
	}
	return nil
}

// execInPlace replaces this process's image and returns only with an error. Nothing may run beside it.
func (k *Keeper) execInPlace(o order) error {
	st, fds, err := k.save(o)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(st)
	if err != nil {
		return err
	}
	memory, err := unix.MemfdCreate("keeper", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memory file for the state: %w", err)
	}
	f := os.NewFile(uintptr(memory), "state")
	defer f.Close()
	if _, err := f.WriteAt(raw, 0); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	fds = append(fds, memory)
	inherit(fds, true)
	defer inherit(fds, false)
	args := []string{"box", "keeper", "--resume", strconv.Itoa(memory), "--state", k.o.State}
	if o.copy {
		args = append(args, "--build", k.o.Build)
	}
	err = syscall.Exec(o.path, args, os.Environ())
	return fmt.Errorf("execute %s: %w", o.path, err)
}

// inherit sets whether descriptors stay open in the next image.
func inherit(fds []int, on bool) {
	for _, fd := range fds {
		flags := unix.FD_CLOEXEC
		if on {
			flags = 0
		}
		_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, flags)
	}
}
