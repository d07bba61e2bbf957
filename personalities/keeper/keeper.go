// Package keeper is the command line of `box keeper`, the process that owns running containers. The daemon starts it.
package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"box/engine/cgroup"
	"box/engine/keeper"
	"box/engine/runtime"
	"box/engine/runtime/runc"
	"box/engine/task"
	"box/fs/diskspace"
	"box/personalities/cmd"
)

// Command is the personality behind `box keeper`.
var Command = cmd.Command{Name: "keeper", Summary: "Own the running containers (started by dockerd)", Hidden: true,
	Serves: true, Main: run}

// heapGoal is low, because the keeper allocates little and lives long.
const heapGoal = 50 // GOGC

type options struct {
	Socket     string `help:"Socket to listen on"`
	State      string `help:"Folder with the records of containers"`
	Resume     int    `help:"Descriptor with the state of the previous keeper"`
	Build      string `help:"Build of the executable of which this is a copy"`
	CheckState bool   `help:"Check whether this build can take over the state on standard input"`
}

func run(ctx context.Context, env *cmd.Env) error {
	var line options
	u := &cmd.Usage{Path: "box keeper", Synopsis: "[OPTIONS]", Summary: "Own the running containers.", Options: &line}
	if _, err := cmd.Parse(u, env.Args); err != nil {
		return err
	}
	if line.CheckState {
		runtimes, err := runtimes(line.State)
		if err != nil {
			return err
		}
		return keeper.CheckState(env.Stdin, runtimes)
	}
	debug.SetGCPercent(heapGoal)
	o := keeper.Options{State: line.State, Build: cmp.Or(line.Build, Build()), Busy: cmd.NewRest().Touch,
		Log: slog.New(slog.NewTextHandler(env.Stderr,
			&slog.HandlerOptions{ReplaceAttr: diskspace.InLog(filepath.Dir(line.State))}))}
	if line.State != "" && line.Build == "" { // after a swap
		return keeper.Seal(line.State, append([]string{"box", "keeper", "--build", o.Build}, env.Args...))
	}
	_ = os.WriteFile("/proc/self/comm", []byte("box"), 0) // otherwise ps shows the number of a descriptor
	defer cmd.StacksOnSignal(line.State, o.Log)()
	if err := cgroup.FavorMoves(); err != nil {
		o.Log.Info("starts and execs take longer", "error", err)
	}
	if line.Resume != 0 {
		var err error
		if o.Runtimes, err = runtimes(line.State); err != nil {
			return err
		}
		k, err := keeper.Resume(line.Resume, o)
		if err != nil {
			return err
		}
		return k.Run(ctx)
	}
	l, err := listen(line.Socket)
	if err != nil {
		return err
	}
	o.Listener = l
	cgroup.LeaveService()
	protect()
	raiseLimits()
	fmt.Fprintln(env.Stdout, "ready")
	silence()
	if err := os.RemoveAll(filepath.Join(line.State,
		runcs)); err != nil { // left by a keeper that was killed, as all its containers are
		return err
	}
	if o.Runtimes, err = runtimes(line.State); err != nil {
		return err
	}
	k, err := keeper.New(o)
	if err != nil {
		return err
	}
	return errors.Join(k.Run(ctx), os.Remove(line.Socket))
}

// runcs is the folder with libcontainer's files, in the folder of the keeper's state.
const runcs = "runc"

// runtimes returns the built-in runtimes. state is the folder for their records.
func runtimes(state string) (map[string]runtime.Runtime, error) {
	box, err := runtime.New()
	if err != nil {
		return nil, err
	}
	runc, err := runc.New(filepath.Join(state, runcs))
	if err != nil {
		return nil, err
	}
	return map[string]runtime.Runtime{task.Box: box, task.Runc: runc}, nil
}

// listen replaces the socket of a keeper that has ended, which the daemon has checked.
func listen(socket string) (*net.UnixListener, error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket of the keeper: %w", err)
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

// silence replaces standard output, where the daemon waited for a line, by /dev/null. It is not closed, because another
// file would get its number.
func silence() {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer null.Close()
	_ = unix.Dup3(int(null.Fd()), 1, 0)
}

// openFiles is the limit of open files, as each published port takes one or two. It is that of Docker's service, and
// containers without a limit of their own inherit it.
const openFiles = 1 << 20

// raiseLimits raises the limits that init systems and shells set low, if that is allowed.
func raiseLimits() {
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: openFiles, Max: openFiles})
}

// protect keeps the kernel from killing the keeper, and with it all containers, if memory runs out. Containers get
// their own scores.
func protect() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-999"), 0)
}

// Sealed returns this program's file, which nobody can write to, for executing a keeper with Build() as its --build.
// dir is the folder for --state.
func Sealed(dir string) (*os.File, error) { return runtime.Sealed(dir) }

// Build identifies this executable; a new version has another value.
func Build() string {
	st, err := os.Stat("/proc/self/exe")
	if err != nil {
		return cmd.Version
	}
	return fmt.Sprintf("%s-%d-%d", cmd.Version, st.Size(), st.ModTime().UnixNano())
}
