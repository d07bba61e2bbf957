package runtime

import (
	"encoding/json"
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/seccomp"
)

// ErrNotStarted means that the runtime accepted a container or a program but could not get it to run. The reason is
// wrapped too: ErrNotInPath, or the error of the system call that was refused.
var ErrNotStarted = errors.New("unable to start container process")

// Runtime is one way to make containers of OCI runtime specs. Its methods may be called from any goroutine.
type Runtime interface {
	// Create makes a container of spec, in which nothing runs yet. The caller must Delete it. Either filter or the
	// spec's profile judges the system calls of its programs, never both: a runtime may use only one of the two.
	Create(id string, spec *specs.Spec, filter *seccomp.Filter) (Container, error)
	// Restore returns a container that an earlier process started, from the Record made there.
	Restore(id string, record json.RawMessage) (Container, error)
}

// Container is one container: its namespaces, its control group and its first process. Its methods may be called from
// any goroutine.
//
// Programs are the caller's children, whoever made them. The caller waits for their pids, as no method does, and
// resizes terminals by their masters.
type Container interface {
	// Start runs the container's first program, p. With p.Terminal it ignores the streams and returns the terminal's
	// master, set not to block. After an error nothing runs; Delete is still due.
	Start(p *specs.Process, s Streams) (pid int, terminal *os.File, err error)
	// Exec runs another program in the running container. It returns errdefs.ErrConflict if the container is paused.
	Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error)
	// Record returns what another process needs to continue with the container, once it runs.
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
	// CgroupPaths returns the container's folders in the cgroup file systems by controller, "" for the unified one.
	CgroupPaths() (map[string]string, error)
	// OOMKills counts the processes that the kernel killed for lack of memory, 0 if it does not tell. Call it before
	// Delete.
	OOMKills() int
	// Delete kills what is left in the container and removes its control group. It may be called again, and must be
	// while it returns errdefs.ErrConflict, as killed processes take a moment to go.
	Delete() error
}

// Streams are a program's ends of its standard streams, as blocking descriptors. nil stands for /dev/null.
type Streams struct {
	Stdin, Stdout, Stderr *os.File
}

// Close closes the ends. A running program has its own copies.
func (s Streams) Close() {
	for _, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f != nil {
			f.Close()
		}
	}
}
