// Package runtime starts and holds containers by libcontainer, of which it is the only importer.
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
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/specconv"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Container is one container: its namespaces, its cgroup and its first process. Its methods may be called from
// any goroutine.
type Container struct {
	mu sync.Mutex // one start, exec or change at a time: libcontainer's own lock does not cover all of its fields
	c  *libcontainer.Container
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

// Create makes a container of spec, whose record is kept in root/id. Nothing runs yet.
func Create(root, id string, spec *specs.Spec) (*Container, error) {
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName:   id,
		NoNewKeyring: false,
		Spec:         spec,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	c, err := libcontainer.Create(root, id, config)
	if err != nil {
		return nil, err
	}
	return &Container{c: c}, nil
}

// Load finds a container that an earlier process created in root/id and started.
func Load(root, id string) (*Container, error) {
	c, err := libcontainer.Load(root, id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		return nil, fmt.Errorf("container %s: %w", id, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("load container %s: %w", id, err)
	}
	return &Container{c: c}, nil
}

// Start makes the container's first process up to the point where it would execute the program of p; Release
// lets it do so. With p.Terminal the streams are not used and the terminal's master is returned.
// After an error nothing runs; Delete is still due.
func (c *Container) Start(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	return c.start(p, s, true)
}

// Release lets the first process execute its program.
func (c *Container) Release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.c.Exec()
}

// Exec starts a further program in a running container.
func (c *Container) Exec(p *specs.Process, s Streams) (pid int, terminal *os.File, err error) {
	return c.start(p, s, false)
}

func (c *Container) start(sp *specs.Process, s Streams, first bool) (int, *os.File, error) {
	p, err := process(sp)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	p.Init = first
	var console *console
	if sp.Terminal {
		if console, err = openConsole(); err != nil {
			return 0, nil, err
		}
		defer console.close()
		p.ConsoleSocket = console.child
	} else {
		// Only what is there: a typed nil in an interface would count as a stream.
		if s.Stdin != nil {
			p.Stdin = s.Stdin
		}
		if s.Stdout != nil {
			p.Stdout = s.Stdout
		}
		if s.Stderr != nil {
			p.Stderr = s.Stderr
		}
	}
	c.mu.Lock()
	if err = c.frozen(first); err == nil {
		err = c.own(s)
	}
	if err == nil {
		err = c.c.Start(p)
	}
	c.mu.Unlock()
	if err != nil {
		return 0, nil, err
	}
	pid, err := p.Pid()
	if err != nil {
		return 0, nil, err
	}
	var master *os.File
	if console != nil {
		if master, err = console.receive(); err != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			return pid, nil, fmt.Errorf("receive terminal: %w", err)
		}
	}
	return pid, master, nil
}

// frozen refuses a further program in a frozen container: it would freeze halfway, and who waits for its start hold up what thaws it.
func (c *Container) frozen(first bool) error {
	if first {
		return nil
	}
	st, err := c.c.Status()
	if err == nil && st == libcontainer.Paused {
		err = fmt.Errorf("container %s is paused, unpause the container before exec: %w", c.c.ID(), errdefs.ErrConflict)
	}
	return err
}

// own gives a program's streams to its container's root, who could not open them anew (/dev/stdout) else.
func (c *Container) own(s Streams) error {
	config := c.c.Config()
	uid, err := config.HostRootUID()
	if err != nil {
		return err
	}
	gid, err := config.HostRootGID()
	if err != nil || uid == 0 && gid == 0 {
		return err
	}
	for _, f := range []*os.File{s.Stdin, s.Stdout, s.Stderr} {
		if f == nil {
			continue
		}
		if err := f.Chown(uid, gid); err != nil {
			return fmt.Errorf("owner of a stream: %w", err)
		}
	}
	return nil
}

// Signal sends sig to the first process, or to all when all is set or the program shares a PID namespace and
// sig is SIGKILL.
func (c *Container) Signal(sig unix.Signal, all bool) error {
	if all {
		return c.signalAll(sig)
	}
	err := c.c.Signal(sig)
	if errors.Is(err, libcontainer.ErrNotRunning) || errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("container %s: %w: %w", c.c.ID(), err, errdefs.ErrNotFound)
	}
	return err
}

func (c *Container) signalAll(sig unix.Signal) error {
	pids, err := c.c.Processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, sig); err != nil && err != unix.ESRCH {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
	}
	return nil
}

// Pause freezes every process of the container.
func (c *Container) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.c.Pause()
}

// Resume thaws them.
func (c *Container) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.c.Resume()
}

// Pids lists the processes of the container, as the host numbers them.
func (c *Container) Pids() ([]int, error) { return c.c.Processes() }

// Update changes limits of a running container; fields of r that are nil stay as they are.
func (c *Container) Update(r *specs.LinuxResources) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	config := c.c.Config()
	changed := *config.Cgroups
	merged, err := mergeResources(changed.Resources, r)
	if err != nil {
		return err
	}
	changed.Resources = merged
	config.Cgroups = &changed
	err = c.c.Set(config)
	merged.SkipDevices = false // the container holds merged from now on: nothing could be started in it
	return err
}

// OOMKills counts the processes of the container that the kernel killed for want of memory; 0 where the kernel does not
// say. It must be asked before Delete.
func (c *Container) OOMKills() int {
	st, err := c.c.State()
	if err != nil {
		return 0
	}
	// Beside the controllers of v1 there may be an empty unified tree.
	path, file := st.CgroupPaths["memory"], "memory.oom_control"
	if path == "" {
		path, file = st.CgroupPaths[""], "memory.events"
	}
	if path == "" {
		return 0
	}
	raw, err := os.ReadFile(path + "/" + file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(n))
			return count
		}
	}
	return 0
}

// CgroupPaths are the container's folders in the cgroup file systems by controller, "" on the unified one.
func (c *Container) CgroupPaths() (map[string]string, error) {
	st, err := c.c.State()
	if err != nil {
		return nil, err
	}
	return st.CgroupPaths, nil
}

// Delete kills what is left in the container, removes its cgroup and its record. It may be called again.
func (c *Container) Delete() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pids, err := c.c.Processes(); err == nil {
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	err := c.c.Destroy()
	if errors.Is(err, libcontainer.ErrRunning) {
		// The first process is a zombie that nobody reaped yet, or is just ending: its parent calls again.
		return fmt.Errorf("container %s is running: %w", c.c.ID(), errdefs.ErrConflict)
	}
	return err
}
