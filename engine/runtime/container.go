package runtime

import (
	"encoding/json"
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

// Box is the runtime of this package.
type Box struct {
	groups *cgroup.Hierarchies
}

// New asks the host for what containers need of it.
func New() (*Box, error) {
	groups, err := cgroup.Read()
	if err != nil {
		return nil, err
	}
	return &Box{groups}, nil
}

// container is a Container of Box's.
type container struct {
	id     string
	group  *cgroup.Group
	spec   *specs.Spec // until the first process runs
	mu     sync.Mutex  // one start, exec or change at a time
	record record
}

// record is what another process needs to go on with a container that runs.
type record struct {
	Pid         int
	Birth       uint64                 // when the process was made, in the kernel's ticks, since numbers come again
	Group       string                 // path of the control group
	Spaces      uintptr                // kinds of namespaces that are not the host's, as flags of clone(2)
	UIDs        []specs.LinuxIDMapping `json:",omitempty"`
	OOMScoreAdj *int                   `json:",omitempty"`
	Filter      *seccomp.Filter        `json:",omitempty"`
}

// Create is Runtime's. The system calls of all programs are judged by filter, nil for none.
func (r *Box) Create(id string, spec *specs.Spec, filter *seccomp.Filter) (Container, error) {
	c, err := r.create(id, spec, filter)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (r *Box) create(id string, spec *specs.Spec, filter *seccomp.Filter) (*container, error) {
	if err := Validate(spec); err != nil {
		return nil, err
	}
	group, err := r.groups.Create(spec.Linux.CgroupsPath, spec.Linux.Resources)
	if err != nil {
		return nil, err
	}
	c := &container{id: id, group: group, spec: spec, record: record{
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

// Restore is Runtime's.
func (r *Box) Restore(id string, raw json.RawMessage) (Container, error) {
	c := &container{id: id}
	if err := json.Unmarshal(raw, &c.record); err != nil {
		return nil, fmt.Errorf("read record of container %s: %w", id, err)
	}
	c.group = r.groups.Open(c.record.Group)
	return c, nil
}

// Record is Container's.
func (c *container) Record() (json.RawMessage, error) { return json.Marshal(c.recorded()) }

func (c *container) recorded() record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record
}

// Start is Container's. A program that is there and cannot be executed is no error: what a shell would say is written
// to its standard error, and it ends with code 255.
func (c *container) Start(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spec == nil {
		return 0, nil, fmt.Errorf("container %s was started: %w", c.id, errdefs.ErrConflict)
	}
	pid, terminal, err = c.init(p, s)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: error during container init: %w", ErrNotStarted, err)
	}
	c.record.Pid, c.spec = pid, nil
	c.record.Birth, err = birth(pid)
	return pid, terminal, err
}

// Exec is Container's.
func (c *container) Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	// A process that enters a frozen group stops halfway, and who waits for its start would hold up what thaws it.
	if frozen, err := c.group.Frozen(); err != nil {
		return 0, nil, err
	} else if frozen {
		return 0, nil, fmt.Errorf("container %s is paused, unpause the container before exec: %w", c.id, errdefs.ErrConflict)
	}
	if pid, terminal, err = c.exec(p, s); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
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

// Signal is Container's.
func (c *container) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return c.group.Kill()
	}
	return c.group.Signal(sig)
}

// Pause is Container's.
func (c *container) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Freeze()
}

// Resume is Container's.
func (c *container) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Thaw()
}

// Pids is Container's.
func (c *container) Pids() ([]int, error) { return c.group.Pids() }

// Update is Container's.
func (c *container) Update(r *specs.LinuxResources) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Update(r)
}

// OOMKills is Container's.
func (c *container) OOMKills() int { return c.group.OOMKills() }

// CgroupPaths is Container's.
func (c *container) CgroupPaths() (map[string]string, error) { return c.group.Paths() }

// Delete is Container's.
func (c *container) Delete() error {
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
