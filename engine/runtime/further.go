package runtime

import (
	"fmt"
	"os"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// further starts another program in a container that runs.
//
// The copy of the keeper enters everything but the PID namespace, which only its child will be in: what is in the container can look at that one for the few
// calls until it executes the program, and finds nothing of the keeper's in it. It may only look with CAP_SYS_PTRACE, and then it may as well take the process
// over, with all that the process may do until it drops that. (So it is with runc.)
func (c *Container) further(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	rec := c.Record()
	sp, err := spacesWithin(rec.Pid, rec.Spaces)
	defer sp.close()
	if err != nil {
		return 0, nil, c.over(err)
	}
	// What was opened is the container's if its process is still the same.
	if born, err := birth(rec.Pid); err != nil || born != rec.Birth {
		return 0, nil, c.over(err)
	}
	st, err := c.prepare(p, s, sp)
	defer st.close()
	if err != nil {
		return 0, nil, err
	}
	if err := st.begin(); err != nil {
		return 0, nil, err
	}
	st.confine(p, st.proc) // which holds for the second process too
	st.enter(0)
	streams := [3]any{st.streams[0], st.streams[1], st.streams[2]}
	if st.console != nil {
		top := st.open("open the root", unix.SYS_OPENAT, current, "/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		end := st.terminal(p, top, st.proc, st.socket)
		streams = [3]any{end, end, end}
		st.do("close a descriptor", unix.SYS_CLOSE, top)
		st.do("close a descriptor", unix.SYS_CLOSE, st.socket)
	}
	// The folder above the host's /proc is the host's root.
	st.do("close a descriptor", unix.SYS_CLOSE, st.proc)
	for _, fd := range st.joins {
		st.do("close a descriptor", unix.SYS_CLOSE, fd)
	}
	st.fork()
	st.standard(streams)
	st.session(false)
	if st.console != nil {
		st.do("control the terminal", unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	st.do("umask", unix.SYS_UMASK, 0o022)
	st.setLimits()
	if err := st.drop(p, rec.Filter); err != nil {
		return 0, nil, err
	}
	if err := st.execute(p, rec.Filter); err != nil {
		return 0, nil, err
	}
	return st.run(0, false)
}

// over is the error for a container whose process is gone.
func (c *Container) over(err error) error {
	if err != nil {
		return fmt.Errorf("container %s is not running: %w: %w", c.id, err, errdefs.ErrNotFound)
	}
	return fmt.Errorf("container %s is not running: %w", c.id, errdefs.ErrNotFound)
}
