package runtime

import (
	"encoding/json"
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/seccomp"
)

// ErrNotStarted is of a container and a program that the runtime took, and could not get to run. The reason is wrapped
// too: ErrNotInPath, or the error of the system call that was refused.
var ErrNotStarted = errors.New("unable to start container process")

// Runtime is one way to make containers of OCI runtime specs. Its methods may be called from any goroutine.
type Runtime interface {
	// Create makes a container of spec, in which nothing runs yet; Delete is due. What judges the system calls of its
	// programs is either filter or the spec's profile, never both: a runtime may take one of the two alone.
	Create(id string, spec *specs.Spec, filter *seccomp.Filter) (Container, error)
	// Restore is a container that an earlier process started, from its Record there.
	Restore(id string, record json.RawMessage) (Container, error)
}

// Container is one container: its namespaces, its control group and its first process. Its methods may be called from
// any goroutine.
//
// Programs are the caller's children, whoever made them: it waits for their pids, and no method does. Terminals are
// resized by their masters.
type Container interface {
	// Start runs the container's first program, that of p. With p.Terminal the streams are not used and the terminal's
	// master is returned, set not to block. After an error nothing runs; Delete is still due.
	Start(p *specs.Process, s Streams) (pid int, terminal *os.File, err error)
	// Exec runs a further program in the running container. In a paused one it is an errdefs.ErrConflict.
	Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error)
	// Record is what another process needs to go on with the container, once it runs.
	Record() (json.RawMessage, error)
	// Signal sends sig to every process of the container.
	Signal(sig unix.Signal) error
	// Pause freezes every process of the container, and Resume thaws them.
	Pause() error
	Resume() error
	// Update changes limits of the running container; fields of r that are nil stay as they are.
	Update(r *specs.LinuxResources) error
	// Pids lists the container's processes, as the host numbers them.
	Pids() ([]int, error)
	// CgroupPaths are the container's folders in the cgroup file systems by controller, "" on the unified one.
	CgroupPaths() (map[string]string, error)
	// OOMKills counts the processes that the kernel killed for want of memory; 0 where it does not say. It is asked
	// before Delete.
	OOMKills() int
	// Delete kills what is left in the container and removes its control group. It may be called again, and must be
	// while it gives errdefs.ErrConflict: killed processes take a moment to go.
	Delete() error
}

// Streams are a program's ends of its standard streams, as blocking descriptors. nil reads and writes /dev/null.
type Streams struct {
	Stdin, Stdout, Stderr *os.File
}

// Close closes the ends, which the program has copies of once it runs.
func (s Streams) Close() {
	for _, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f != nil {
			f.Close()
		}
	}
}
