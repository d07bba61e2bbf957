package keeper

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"box/engine/runtime"
	"box/engine/task"
)

// ready tells whether a start by a runtime may begin; if not, it is to be tried again.
//
// Ours makes copies of this process. Others execute the file that this process runs anew, and take a copy of it for
// each start, unless it is one in memory that nobody can write to: the keeper goes on in such a one before the first of
// these starts. It is the copy's only way to be surely of this build, too, since the file in its place may be another
// by now.
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

// goOnInMemory is a swap for a copy of the file that runs. It comes back only with an error, with which starts go on
// all the same.
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

// Seal executes args anew in a file that nobody can write to, from which all that the keeper starts is a copy. It comes
// back only with an error. Descriptors that are inherited stay open.
func Seal(state string, args []string) error {
	f, err := runtime.Sealed(state)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Exec("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), args, os.Environ())
	return fmt.Errorf("execute a copy of this program: %w", err)
}
