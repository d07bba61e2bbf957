package keeper

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/task"
)

// ready tells whether a start by the named runtime may begin now. If not, the client has to try again.
//
// Box's own runtime starts copies of this process. Others execute this process's file anew and copy it for each
// start, unless it is a memory file that nobody can write to, so the keeper moves into such a file before the first
// of these starts. Only this makes sure that the copy is of this build: the file at its path may be another by now.
func (k *Keeper) ready(name string) bool {
	if name == "" || name == task.Box || k.copied.Load() || runtime.InMemory() {
		return true
	}
	select {
	case k.orders <- order{copy: true}:
	default: // the main loop is busy with another order
	}
	return false
}

// goOnInMemory swaps the keeper into a copy in memory of the running file. It returns only with an error, after which
// starts still work.
func (k *Keeper) goOnInMemory(o order, stopReaper func()) error {
	k.copied.Store(true)
	f, err := runtime.Copied()
	if err != nil {
		stopReaper()
		return err
	}
	defer f.Close()
	o.path = "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	return k.swap(o, stopReaper)
}

// Seal executes this program anew with args, from a file that nobody can write to. All that the keeper starts is then
// a copy of that file. Seal returns only with an error. Inherited descriptors stay open.
func Seal(state string, args []string) error {
	f, err := runtime.Sealed(state)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Exec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), args, os.Environ())
	return fmt.Errorf("execute a copy of this program: %w", err)
}
