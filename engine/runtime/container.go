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

// Box is this package's Runtime. It starts containers in process, without executing a runtime's program.
type Box struct {
	groups *cgroup.Hierarchies
}

// New reads what containers need to know of the host: its cgroup hierarchies.
func New() (*Box, error) {
	groups, err := cgroup.Read()
	if err != nil {
		return nil, err
	}
	return &Box{groups}, nil
}

// container is Box's Container.
type container struct {
	id     string
	group  *cgroup.Group
	spec   *specs.Spec // nil once the first process runs
	mu     sync.Mutex  // one start, exec or change at a time
	record record
}

// record is what another process needs to continue with a running container.
type record struct {
	Pid         int
	Birth       uint64                 // when the process was made, in the kernel's ticks, as pids come again
	Group       string                 // path of the control group
	Spaces      uintptr                // kinds of the namespaces that the spec lists, as flags of clone(2)
	UIDs        []specs.LinuxIDMapping `json:",omitempty"`
	OOMScoreAdj *int                   `json:",omitempty"`
	Filter      *seccomp.Filter        `json:",omitempty"`
}

// Create implements Runtime. filter judges the system calls of all programs; nil means none.
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

// Restore implements Runtime.
func (r *Box) Restore(id string, raw json.RawMessage) (Container, error) {
	c := &container{id: id}
	if err := json.Unmarshal(raw, &c.record); err != nil {
		return nil, fmt.Errorf("read record of container %s: %w", id, err)
	}
	c.group = r.groups.Open(c.record.Group)
	return c, nil
}

// Record implements Container.
func (c *container) Record() (json.RawMessage, error) { return json.Marshal(c.recorded()) }

func (c *container) recorded() record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record
}

// Start implements Container. A program that exists and cannot be executed is no error: its standard error gets what
// a shell would say, and it ends with code 255.
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

// Exec implements Container.
func (c *container) Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	// A process that enters a frozen group stops halfway, and waiting for its start would hold up what thaws it.
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

// birth returns when a process was made (proc_pid_stat(5), starttime).
func birth(pid int) (uint64, error) {
	words, err := processState(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(words[19], 10, 64)
}

// processState returns the fields of proc_pid_stat(5) from the state on.
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

// Signal implements Container.
func (c *container) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return c.group.Kill()
	}
	return c.group.Signal(sig)
}

// Pause implements Container.
func (c *container) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Freeze()
}

// Resume implements Container.
func (c *container) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Thaw()
}

// Pids implements Container.
func (c *container) Pids() ([]int, error) { return c.group.Pids() }

// Update implements Container.
func (c *container) Update(r *specs.LinuxResources) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Update(r)
}

// OOMKills implements Container.
func (c *container) OOMKills() int { return c.group.OOMKills() }

// CgroupPaths implements Container.
func (c *container) CgroupPaths() (map[string]string, error) { return c.group.Paths() }

// Delete implements Container.
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
