package runtime

import (
	"fmt"
	"os"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// exec starts another program in a running container.
//
// The copy of the keeper enters everything but the PID namespace, which only its child will be in. The container can
// look at that child for the few calls until it executes its program, and take it over with CAP_SYS_PTRACE. So the
// child is made when the first process has no more rights, and no more open, than the program will have.
func (c *container) exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	rec := c.recorded()
	sp, err := spacesWithin(rec.Pid, rec.Spaces)
	defer sp.close()
	if err != nil {
		return 0, nil, c.over(err)
	}
	// The namespaces are the container's if its process is still the same.
	if born, err := birth(rec.Pid); err != nil || born != rec.Birth {
		return 0, nil, c.over(err)
	}
	st, err := c.prepare(p, s, sp)
	defer st.close()
	if err != nil {
		return 0, nil, err
	}
	if err := st.planExec(); err != nil {
		return 0, nil, err
	}
	return st.run(0, false)
}

// planExec writes down the steps of the two processes of another program.
func (st *starting) planExec() error {
	if err := st.begin(); err != nil {
		return err
	}
	p, filter := st.process, st.c.record.Filter
	st.enterGroup()
	st.confine(p, st.proc) // it holds for the second process too
	st.enter(0)
	if st.console != nil {
		top := st.open("open the root", unix.SYS_OPENAT, current, cstring("/"),
			value(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC))
		end := st.terminal(p, top, st.proc, st.socket)
		st.standard(end, end, end)
		st.release(top, value(st.socket))
	}
	st.keyring(false)
	st.release(st.proc) // its parent is the host's root
	st.closeOthers()
	st.do("umask", unix.SYS_UMASK, value(0o022))
	st.umask(&p.User)
	if err := st.drop(p, filter); err != nil {
		return err
	}
	if p.NoNewPrivileges {
		st.filter(filter, st.program(filter))
	}
	st.fork()
	st.do("setsid", unix.SYS_SETSID)
	if st.console != nil {
		st.do("control the terminal", unix.SYS_IOCTL, value(0), value(unix.TIOCSCTTY))
	}
	st.setLimits(true)
	return st.execute(p, nil)
}

// over returns the error for a container whose process is gone.
func (c *container) over(err error) error {
	if err != nil {
		return fmt.Errorf("container %s is not running: %w: %w", c.id, err, errdefs.ErrNotFound)
	}
	return fmt.Errorf("container %s is not running: %w", c.id, errdefs.ErrNotFound)
}
