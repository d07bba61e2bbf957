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

// Group is one container's control group: the folder of that path below every tree. Its methods may be called from
// any goroutine.
type Group struct {
	h    *Hierarchies
	path string // clean and absolute
}

// Open is the group at path (as "/docker/<id>"), which an earlier process made. Nothing is asked of the kernel.
func (h *Hierarchies) Open(p string) *Group { return &Group{h, path.Clean("/" + p)} }

// below refuses the root: every process of the host is in it or below it. What is done to a group by a path that was
// lost, or damaged on disk, is done to nobody.
func (g *Group) below(what string) error {
	if g.path == "/" {
		return fmt.Errorf("%s control group /, which is the root: %w", what, errdefs.ErrInvalidArgument)
	}
	return nil
}

// Names are the groups at path that are there in any tree.
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

// Create makes the group at path in every tree, with the parents that it lacks, and sets the limits of r, which may
// be nil. An empty group that is left there from before is replaced. After an error no group is left; parents stay.
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

// make makes the group's folders and lists them.
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

// prepare sets what must be before the first process is in the group, and the limits.
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

// makeGroup makes the folder p below root, and its parents.
func makeGroup(root, p string) error {
	err := mkdir(root + p)
	for tries := 0; err == unix.ENOENT && tries < 5; tries++ { // another daemon that ends may take an empty parent away
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

// Update sets the limits that r has; those that are nil or zero stay as they are, and so do the rules for devices.
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

// Paths are the group's folders by controller, "" on the unified tree, as /proc/self/cgroup names them.
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

// Delete removes the group and those that its programs made below it, in every tree that lets it go. While processes
// are in one of them the error is a conflict. It may be called again.
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

// busy says of a group that could not be removed that processes are in it.
func busy(p string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("control group %s has processes: %w: %w", p, err, errdefs.ErrConflict)
	}
	return err
}
