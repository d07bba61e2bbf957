package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Group is a container's control group: the folder at one path in every tree. Its methods may be called from any
// goroutine.
type Group struct {
	h    *Hierarchies
	path string // clean and absolute
}

// Open returns the group at path (such as "/docker/<id>") without asking the kernel whether it exists.
func (h *Hierarchies) Open(p string) *Group { return &Group{h, path.Clean("/" + p)} }

// below refuses the root, since every process of the host is in or below it. A path that was lost or damaged on disk
// must not affect them.
func (g *Group) below(what string) error {
	if g.path == "/" {
		return fmt.Errorf("%s control group /, which is the root: %w", what, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Names lists the groups directly below path in any tree.
func (h *Hierarchies) Names(p string) []string {
	var names []string
	for _, m := range h.mounts {
		entries, _ := os.ReadDir(m.dir + h.Open(p).path)
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Create makes the group at path in every tree, with missing parents, and sets the limits of r, which may be nil. It
// replaces an empty group left from before. After an error no group is left; parents stay.
func (h *Hierarchies) Create(p string, r *specs.LinuxResources) (*Group, error) {
	g := h.Open(p)
	if r == nil {
		r = &specs.LinuxResources{}
	}
	switch {
	case g.path == "/":
		return nil, fmt.Errorf("control group %s is the root: %w", p, errdefs.ErrInvalidArgument)
	case len(h.mounts) == 0:
		return nil, fmt.Errorf("create control group %s: none are mounted at %s", g.path, Root)
	case len(r.Devices) > 0 && h.deviceless():
		return nil, fmt.Errorf("create control group %s: controller devices is not mounted at %s", g.path, Root)
	}
	var made []string
	err := g.make(&made)
	if err == nil {
		err = g.prepare(r)
	}
	if err == nil {
		return g, nil
	}
	for _, dir := range made {
		err = errors.Join(err, removeTree(dir))
	}
	return nil, err
}

// make makes the group's folders and adds them to made.
func (g *Group) make(made *[]string) error {
	for _, m := range g.h.mounts {
		if m.controllers == nil {
			continue
		}
		err := makeGroup(m.dir, g.path)
		if err == nil {
			*made = append(*made, m.dir+g.path)
		} else if g.h.unified || !m.optional() {
			return fmt.Errorf("create control group %s: %w", g.path, err)
		}
	}
	return nil
}

// prepare sets up what has to exist before a process joins the group, and the limits.
func (g *Group) prepare(r *specs.LinuxResources) error {
	ready := g.inheritCpuset
	if g.h.unified {
		ready = g.enable
	}
	if err := ready(r); err != nil {
		return err
	}
	if err := g.restrictDevices(r.Devices); err != nil {
		return err
	}
	return g.Update(r)
}

// makeGroup makes the folder p below root, and its missing parents.
func makeGroup(root, p string) error {
	err := mkdir(root + p)
	for tries := 0; err == unix.ENOENT && tries < 5; tries++ { // another daemon that ends may remove an empty parent
		if err := makeParents(root, p); err != nil && err != unix.ENOENT {
			return err
		}
		err = mkdir(root + p)
	}
	if err != unix.EEXIST {
		return err
	}
	if err := removeTree(root + p); err != nil {
		return busy(p, err)
	}
	return mkdir(root + p)
}

func mkdir(dir string) error {
	for {
		if err := unix.Mkdir(dir, 0o755); err != unix.EINTR {
			return err
		}
	}
}

// Update sets the limits in r. Those that are nil or zero stay, and so do the rules for devices.
func (g *Group) Update(r *specs.LinuxResources) error {
	if err := g.below("update"); err != nil {
		return err
	}
	list, err := g.limits(r)
	if err != nil {
		return err
	}
	return g.set(list)
}

func (g *Group) limits(r *specs.LinuxResources) (limits, error) {
	if g.h.unified {
		return limitsV2(r, g.current)
	}
	return limitsV1(r)
}

// Paths returns the group's folders by controller, as /proc/self/cgroup names them; the key is "" on the unified
// tree.
func (g *Group) Paths() (map[string]string, error) {
	paths := map[string]string{}
	for _, m := range g.h.mounts {
		for _, name := range m.controllers {
			paths[name] = m.dir + g.path
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("control group %s: none are mounted at %s", g.path, Root)
	}
	return paths, nil
}

// Delete removes the group and those that its programs made below it, in every tree that permits it. If one still has
// processes, the error is a conflict. Delete may be called again.
func (g *Group) Delete() error {
	if err := g.below("delete"); err != nil {
		return err
	}
	var first error
	for _, m := range g.h.mounts {
		switch {
		case m.controllers == nil:
		case first != nil:
			_ = unix.Rmdir(m.dir + g.path)
		default:
			if err := removeTree(m.dir + g.path); err != nil {
				first = busy(g.path, err)
			}
		}
	}
	return first
}

// busy turns EBUSY from a removal into a conflict that says why.
func busy(p string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("control group %s has processes: %w: %w", p, err, errdefs.ErrConflict)
	}
	return err
}
