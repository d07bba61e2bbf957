package runc

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/cgroup"
	"box/engine/runtime"
	"box/engine/seccomp"
)

// Runtime starts containers with libcontainer.
type Runtime struct {
	root   string // folder with its files
	groups *cgroup.Hierarchies
	starts watcher
}

// New makes a Runtime that keeps its files below root, which is created with the first container.
func New(root string) (*Runtime, error) {
	groups, err := cgroup.Read()
	if err != nil {
		return nil, err
	}
	return &Runtime{root: root, groups: groups}, nil
}

// container is a container of libcontainer.
type container struct {
	id     string
	record record
	group  *cgroup.Group
	starts *watcher

	mu      sync.Mutex              // one start or pause at a time: a process that enters a frozen group stops halfway
	created *libcontainer.Container // nil once the first program runs
}

// record is what another process needs to continue with the container.
type record struct {
	Root  string // folder with libcontainer's files
	Group string // path of the control group
}

// Create implements runtime.Runtime. It uses the profile in spec; a compiled filter is refused.
func (r *Runtime) Create(id string, spec *specs.Spec, filter *seccomp.Filter) (runtime.Container, error) {
	if filter != nil {
		return nil, fmt.Errorf("container %s with a compiled filter, where runc takes a profile: %w", id,
			errdefs.ErrInvalidArgument)
	}
	if err := runtime.Validate(spec); err != nil {
		return nil, err
	}
	config, err := configure(id, spec)
	if err != nil {
		return nil, refusal{err}
	}
	if err := os.MkdirAll(r.root, 0o711); err != nil {
		return nil, err
	}
	if err := r.groups.MakeParents(spec.Linux.CgroupsPath); err != nil {
		return nil, err
	}
	created, err := libcontainer.Create(r.root, id, config)
	if err != nil {
		return nil, err
	}
	rec := record{Root: r.root, Group: spec.Linux.CgroupsPath}
	return &container{id: id, record: rec, group: r.groups.Open(rec.Group), starts: &r.starts, created: created}, nil
}

// configuring protects a global variable of libcontainer.
var configuring sync.Mutex

// configure makes libcontainer's configuration. With a user namespace, libcontainer changes the owner of the global
// list of default devices to the root of that namespace. So the list is restored afterwards, and each container gets a
// copy.
func configure(id string, spec *specs.Spec) (*configs.Config, error) {
	configuring.Lock()
	defer configuring.Unlock()
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{CgroupName: id, Spec: unmapped(spec)})
	if err != nil {
		return nil, err
	}
	for i, d := range config.Devices {
		own := *d
		config.Devices[i] = &own
	}
	for _, d := range specconv.AllowedDevices {
		d.Uid, d.Gid = 0, 0
	}
	return config, nil
}

// unmapped returns spec without the ID maps of a user namespace to join, from which libcontainer reads them.
func unmapped(spec *specs.Spec) *specs.Spec {
	for _, n := range spec.Linux.Namespaces {
		if n.Type == specs.UserNamespace && n.Path != "" {
			changed, linux := *spec, *spec.Linux
			linux.UIDMappings, linux.GIDMappings = nil, nil
			changed.Linux = &linux
			return &changed
		}
	}
	return spec
}

// refusal is an error of libcontainer about the request, whose text is not changed.
type refusal struct{ error }

func (r refusal) Unwrap() []error { return []error{r.error, errdefs.ErrInvalidArgument} }

// Restore implements runtime.Runtime. Errors in libcontainer's files are reported when they are needed.
func (r *Runtime) Restore(id string, raw json.RawMessage) (runtime.Container, error) {
	c := &container{id: id, starts: &r.starts}
	if err := json.Unmarshal(raw, &c.record); err != nil {
		return nil, fmt.Errorf("read record of container %s: %w", id, err)
	}
	c.group = r.groups.Open(c.record.Group)
	return c, nil
}

// Record implements runtime.Container.
func (c *container) Record() (json.RawMessage, error) { return json.Marshal(c.record) }

// load reads libcontainer's file. The caller holds c.mu.
func (c *container) load() (*libcontainer.Container, error) {
	if c.created != nil {
		return c.created, nil
	}
	loaded, err := libcontainer.Load(c.record.Root, c.id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		return nil, fmt.Errorf("container %s is not running: %w", c.id, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("load container %s: %w", c.id, err)
	}
	return loaded, nil
}

// Start implements runtime.Container.
func (c *container) Start(p *specs.Process, s runtime.Streams) (pid int, terminal *os.File, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.created == nil {
		return 0, nil, fmt.Errorf("container %s was started: %w", c.id, errdefs.ErrConflict)
	}
	defer c.starts.watch(c.group)()
	if pid, terminal, err = start(c.created, p, s, true); err != nil {
		return 0, nil, typed(err)
	}
	if err := c.created.Exec(); err != nil { // continues the process, which waits for this
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		closeIf(terminal)
		return 0, nil, fmt.Errorf("%w: %w", runtime.ErrNotStarted, typed(err))
	}
	c.created = nil
	return pid, terminal, nil
}

// Exec implements runtime.Container.
func (c *container) Exec(p *specs.Process, s runtime.Streams) (pid int, terminal *os.File, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if frozen, err := c.group.Frozen(); err != nil {
		return 0, nil, err
	} else if frozen {
		return 0, nil, fmt.Errorf("container %s is paused, unpause the container before exec: %w", c.id, errdefs.ErrConflict)
	}
	defer c.starts.watch(c.group)()
	loaded, err := c.load()
	if err != nil {
		return 0, nil, err
	}
	pid, terminal, err = start(loaded, p, s, false)
	return pid, terminal, typed(err)
}

// Signal implements runtime.Container.
func (c *container) Signal(sig unix.Signal) error {
	if sig == unix.SIGKILL {
		return c.group.Kill()
	}
	return c.group.Signal(sig)
}

// Pause implements runtime.Container.
func (c *container) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.group.Freeze()
}

// Resume implements runtime.Container. It does not wait for a lock, because a start may wait for it.
func (c *container) Resume() error { return c.group.Thaw() }

// Update implements runtime.Container.
func (c *container) Update(r *specs.LinuxResources) error { return c.group.Update(r) }

// Pids implements runtime.Container.
func (c *container) Pids() ([]int, error) { return c.group.Pids() }

// CgroupPaths implements runtime.Container.
func (c *container) CgroupPaths() (map[string]string, error) { return c.group.Paths() }

// OOMKills implements runtime.Container.
func (c *container) OOMKills() int { return c.group.OOMKills() }

// Delete implements runtime.Container.
func (c *container) Delete() error {
	if err := c.group.Kill(); err != nil { // first, so that a start under way ends
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	loaded, err := c.load()
	if errdefs.IsNotFound(err) {
		return c.group.Delete() // left by a Delete that was cut off
	}
	if err == nil {
		err = loaded.Destroy()
	}
	if errors.Is(err, libcontainer.ErrRunning) {
		return fmt.Errorf("container %s is running: %w", c.id, errdefs.ErrConflict)
	}
	if err != nil { // its file is damaged: remove the rest all the same
		err = errors.Join(err, c.group.Delete(), os.RemoveAll(filepath.Join(c.record.Root, c.id)))
	}
	return err
}

func closeIf(f *os.File) {
	if f != nil {
		f.Close()
	}
}
