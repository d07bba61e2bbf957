// Package pid1 is the first process of containers with `docker run --init`: it runs the program, forwards signals,
// reaps orphans, and exits with the program's code.
package pid1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"box/personalities/cmd"
)

// Command is docker-init: `docker-init [-g] [-s] -- PROGRAM [ARG...]`.
var Command = cmd.Command{Name: "docker-init", Summary: "First process of a container: reap and pass signals",
	Hidden: true, Main: run}

type options struct {
	Group     bool `short:"g" help:"Send signals to the program's process group"`
	Subreaper bool `short:"s" help:"Reap orphans without being process 1"`
	Version   bool `help:"Print the version"`
}

func usage(o *options) *cmd.Usage {
	return &cmd.Usage{
		Path: "docker-init", Synopsis: "[-g] [-s] -- PROGRAM [ARG...]",
		Summary: "Run PROGRAM as the child of a process that reaps and passes signals",
		Max:     -1, First: true, Options: o,
	}
}

func run(_ context.Context, env *cmd.Env) error {
	var o options
	u := usage(&o)
	p, err := cmd.Parse(u, env.Args)
	switch {
	case errors.Is(err, cmd.ErrHelp):
		u.Help(env.Stdout)
		return nil
	case err != nil:
		return err
	case o.Version:
		_, err := fmt.Fprintln(env.Stdout, "docker-init version", cmd.Version)
		return err
	case len(p.Args) == 0:
		return &cmd.Exit{Code: 1, Err: errors.New("docker-init: no program given; usage: docker-init -- PROGRAM [ARG...]")}
	}
	if o.Subreaper {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("become a subreaper: %w", err)
		}
	}
	return supervise(p.Args, o.Group)
}

// supervise runs the program until it ends. It catches signals before it starts the program, so that none is lost. It
// does not ignore any, because an ignored signal stays ignored in the program.
func supervise(args []string, group bool) error {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	defer signal.Stop(signals)
	child, err := start(args)
	if err != nil {
		return err
	}
	target := child
	if group {
		target = -child
	}
	for s := range signals {
		switch s {
		case unix.SIGCHLD:
			if code, done := reap(child); done {
				if code != 0 {
					return &cmd.Exit{Code: code}
				}
				return nil
			}
		case unix.SIGURG, unix.SIGTTIN, unix.SIGTTOU:
			// the Go runtime uses SIGURG itself; the others are about our own use of the terminal
		default:
			// fails if the child has just ended, and SIGCHLD follows
			_ = unix.Kill(target, s.(syscall.Signal))
		}
	}
	return nil
}

// start runs the program in a process group of its own, in the foreground if there is a terminal.
func start(args []string) (pid int, err error) {
	path, err := exec.LookPath(args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return 0, cannotRun(args[0], err)
	}
	process, err := os.StartProcess(path, args, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Foreground: term.IsTerminal(0), Ctty: 0},
	})
	if err != nil {
		return 0, cannotRun(args[0], err)
	}
	pid = process.Pid
	return pid, process.Release()
}

func cannotRun(name string, err error) error {
	code := 127
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EISDIR) {
		code = 126
	}
	return &cmd.Exit{Code: code, Err: fmt.Errorf("docker-init: exec %s: %w", name, err)}
}

// reap waits for all processes that have ended, since one SIGCHLD may stand for several. It tells whether child was
// among them, and its exit code.
func reap(child int) (code int, done bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || pid <= 0:
			return code, done
		case pid != child:
			continue
		case status.Signaled():
			code, done = 128+int(status.Signal()), true
		case status.Exited():
			code, done = status.ExitStatus(), true
		}
	}
}
