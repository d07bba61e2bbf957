package runc

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/runtime"
)

// start starts the program of sp in c. The first program of a container waits for c.Exec before it is executed.
func start(
	c *libcontainer.Container, sp *specs.Process, s runtime.Streams, first bool,
) (pid int, terminal *os.File, err error) {
	p, err := process(sp)
	if err != nil {
		return 0, nil, refusal{err}
	}
	p.Init = first
	if sp.Terminal {
		near, far, err := socketPair()
		if err != nil {
			return 0, nil, err
		}
		defer near.Close()
		defer far.Close()
		p.ConsoleSocket = far
		if err := c.Start(p); err != nil {
			return 0, nil, err
		}
		far.Close()
		if terminal, err = runtime.ReceiveTerminal(near); err != nil {
			return 0, nil, fmt.Errorf("receive terminal: %w", stillborn(p, err))
		}
	} else {
		if err := own(c, sp, s); err != nil {
			return 0, nil, err
		}
		// Set only streams that exist: a typed nil in an interface would count as one.
		if s.Stdin != nil {
			p.Stdin = s.Stdin
		}
		if s.Stdout != nil {
			p.Stdout = s.Stdout
		}
		if s.Stderr != nil {
			p.Stderr = s.Stderr
		}
		if err := c.Start(p); err != nil {
			return 0, nil, err
		}
	}
	pid, err = p.Pid()
	return pid, terminal, err
}

// stillborn ends a process that nobody will learn of and returns err.
func stillborn(p *libcontainer.Process, err error) error {
	if pid, pidErr := p.Pid(); pidErr == nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	return err
}

// own makes the user of the program the owner of its streams, who could not reopen them (/dev/stdout) otherwise.
func own(c *libcontainer.Container, sp *specs.Process, s runtime.Streams) error {
	config := c.Config()
	uid, err := config.HostUID(int(sp.User.UID))
	if err != nil || uid == 0 {
		return err
	}
	for _, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil {
			continue
		}
		if err := f.Chown(uid, -1); err != nil {
			return fmt.Errorf("owner of a stream: %w", err)
		}
	}
	return nil
}

// logLevel is the level of messages that the C part of a start sends, each with a write and a line of JSON: warnings
// (logrus' number).
const logLevel = "3"

// process converts the spec's process (OCI runtime spec, config.md, "Process").
func process(p *specs.Process) (*libcontainer.Process, error) {
	if len(p.Args) == 0 {
		return nil, errors.New("no program to execute")
	}
	lp := &libcontainer.Process{
		Args: p.Args, Env: p.Env, UID: int(p.User.UID), GID: int(p.User.GID), Cwd: p.Cwd, Label: p.SelinuxLabel,
		NoNewPrivileges: &p.NoNewPrivileges,
		AppArmorProfile: p.ApparmorProfile, Scheduler: p.Scheduler, IOPriority: p.IOPriority, LogLevel: logLevel,
	}
	if p.ConsoleSize != nil {
		lp.ConsoleWidth, lp.ConsoleHeight = uint16(p.ConsoleSize.Width), uint16(p.ConsoleSize.Height)
	}
	lp.Capabilities = &configs.Capabilities{} // not the container's own
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable, Permitted: c.Permitted, Ambient: c.Ambient,
		}
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	for _, l := range p.Rlimits {
		kind, ok := runtime.Rlimit(l.Type)
		if !ok {
			return nil, fmt.Errorf("unknown resource limit %q", l.Type)
		}
		lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: kind, Hard: l.Hard, Soft: l.Soft})
	}
	return lp, nil
}

// socketPair returns the sockets over which a process passes the master of its terminal.
func socketPair() (near, far *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair for the terminal: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "console"), os.NewFile(uintptr(fds[1]), "console"), nil
}
