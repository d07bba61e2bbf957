// Package runtime starts containers and further programs in them: what an OCI runtime does (OCI runtime spec), without a process of its own.
//
// A start is a list of system calls that is written down in Go (steps) and carried out by a copy of the calling process with one thread, in
// C (run.c), which then executes the container's program.
//
// It never waits for the programs that it starts: their pids are returned, and whoever called (the keeper)
// is their parent and reaps them.
package runtime

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/cgroup"
	"box/engine/seccomp"
)

// Runtime makes containers on this host.
type Runtime struct {
	groups *cgroup.Hierarchies
}

// New asks the host for what containers need of it.
func New() (*Runtime, error) {
	groups, err := cgroup.Read()
	if err != nil {
		return nil, err
	}
	return &Runtime{groups}, nil
}

// Container is one container: its namespaces, its cgroup and its first process. Its methods may be called from
// any goroutine.
type Container struct {
	id     string
	group  *cgroup.Group
	spec   *specs.Spec // until the first process runs
	mu     sync.Mutex  // one start, exec or change at a time
	record Record
}

// Record is what another process needs to go on with a container that runs.
type Record struct {
	Pid         int
	Birth       uint64                 // when the process was made, in the kernel's ticks, since numbers come again
	Group       string                 // path of the control group
	Spaces      uintptr                // kinds of namespaces that are not the host's, as flags of clone(2)
	UIDs        []specs.LinuxIDMapping `json:",omitempty"`
	OOMScoreAdj *int                   `json:",omitempty"`
	Filter      *seccomp.Filter        `json:",omitempty"`
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

// Create makes the control group of a container of spec. Nothing runs yet; Delete is due. filter judges the system calls of all its programs, nil for none.
func (r *Runtime) Create(id string, spec *specs.Spec, filter *seccomp.Filter) (*Container, error) {
	if err := validate(spec); err != nil {
		return nil, err
	}
	group, err := r.groups.Create(spec.Linux.CgroupsPath, spec.Linux.Resources)
	if err != nil {
		return nil, err
	}
	c := &Container{id: id, group: group, spec: spec, record: Record{
		Group: spec.Linux.CgroupsPath, UIDs: spec.Linux.UIDMappings, OOMScoreAdj: spec.Process.OOMScoreAdj, Filter: filter,
	}}
	for _, k := range namespaceKinds {
		for _, n := range spec.Linux.Namespaces {
			if n.Type == k.kind {
				c.record.Spaces |= k.flag
			}
		}
	}
	return c, nil
}

// Restore is a container that an earlier process started.
func (r *Runtime) Restore(id string, rec Record) *Container {
	return &Container{id: id, group: r.groups.Open(rec.Group), record: rec}
}

// Record describes the container to a process that takes over.
func (c *Container) Record() Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record
}

// Start makes the container's first process, which executes the program of p. With p.Terminal the streams are not used and the terminal's
// master is returned. After an error nothing runs; Delete is still due. A program that is there and cannot be executed is no error: what a shell would say
// is written to its standard error, and it ends with code 255.
func (c *Container) Start(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spec == nil {
		return 0, nil, fmt.Errorf("container %s was started: %w", c.id, errdefs.ErrConflict)
	}
	pid, terminal, err = c.first(p, s)
	if err != nil {
		return 0, nil, fmt.Errorf("unable to start container process: error during container init: %w", err)
	}
	c.record.Pid, c.spec = pid, nil
	c.record.Birth, err = birth(pid)
	return pid, terminal, err
}

// Exec starts a further program in a running container.
func (c *Container) Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	// A process that enters a frozen group stops halfway, and who waits for its start would hold up what thaws it.
	if frozen, err := c.group.Frozen(); err != nil {
		return 0, nil, err
	} else if frozen {
		return 0, nil, fmt.Errorf("container %s is paused, unpause the container before exec: %w", c.id, errdefs.ErrConflict)
	}
	if pid, terminal, err = c.further(p, s); err != nil {
		return 0, nil, fmt.Errorf("unable to start container process: %w", err)
	}
	return pid, terminal, nil
}

// birth is when a process was made (proc_pid_stat(5), starttime).
func birth(pid int) (uint64, error) {
	words, err := processState(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(words[19], 10, 64)
}

// processState is what proc_pid_stat(5) lists from the state on.
func processState(pid int) (words []string, err error) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, err
	}
	text := string(raw)
	words = strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the name may have spaces, and parentheses
	if len(words) < 20 {
		return nil, fmt.Errorf("state of process %d is cut short", pid)
	}
	return words, nil
}

// Signal sends sig to every process of the container.
func (c *Container) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return c.group.Kill()
	}
	return c.group.Signal(sig)
}

// Pause freezes every process of the container.
func (c *Container) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Freeze()
}

// Resume thaws them.
func (c *Container) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Thaw()
}

// Pids lists the processes of the container, as the host numbers them.
func (c *Container) Pids() ([]int, error) { return c.group.Pids() }

// Update changes limits of a running container; fields of r that are nil stay as they are.
func (c *Container) Update(r *specs.LinuxResources) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Update(r)
}

// OOMKills counts the processes of the container that the kernel killed for want of memory; 0 where the kernel does not
// say. It must be asked before Delete.
func (c *Container) OOMKills() int { return c.group.OOMKills() }

// CgroupPaths are the container's folders in the cgroup file systems by controller, "" on the unified one.
func (c *Container) CgroupPaths() (map[string]string, error) { return c.group.Paths() }

// Delete kills what is left in the container and removes its cgroup. It may be called again, and must be while it gives errdefs.ErrConflict: killed
// processes take a moment to go.
func (c *Container) Delete() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pids, err := c.group.Pids()
	if errdefs.IsNotFound(err) {
		return nil
	}
	if len(pids) > 0 {
		err = errors.Join(err, c.group.Kill())
	}
	return errors.Join(err, c.group.Delete())
}
