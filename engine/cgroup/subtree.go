package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// enable passes the controllers of the unified tree down to the group, unless it has them already.
func (g *Group) enable(r *specs.LinuxResources) error {
	if g.complete() {
		return nil
	}
	root := g.h.mounts[0].dir
	all := "+" + strings.Join(g.h.controllers, " +")
	for i, c := range g.path {
		file := root + g.path[:i] + "/cgroup.subtree_control"
		if c != '/' || write(file, all) == nil {
			continue
		}
		// Enable each by itself, so that one failure does not affect the others: limits that need a missing one
		// report it.
		for _, name := range g.h.controllers {
			_ = write(file, "+"+name)
		}
	}
	if g.complete() {
		return nil
	}
	return g.thread(r)
}

// complete reports whether the group has every controller.
func (g *Group) complete() bool {
	have := strings.Fields(g.current("cgroup.controllers"))
	return !slices.ContainsFunc(g.h.controllers, func(name string) bool { return !slices.Contains(have, name) })
}

// thread handles a group below a threaded one (cgroups(7), "cgroup v2 thread mode"). Processes can only join it once
// it is threaded, too, and then it has no limits of memory and I/O.
func (g *Group) thread(r *specs.LinuxResources) error {
	kind := g.current("cgroup.type")
	if kind != "domain invalid" {
		return nil
	}
	if r.Memory != nil || r.BlockIO != nil || len(r.HugepageLimits) > 0 {
		return fmt.Errorf("control group %s is %s: it cannot have limits of memory, input and output: %w", g.path, kind,
			errdefs.ErrFailedPrecondition)
	}
	if err := write(g.h.mounts[0].dir+g.path+"/cgroup.type", "threaded"); err != nil {
		return fmt.Errorf("set cgroup.type of %s to threaded: %w", g.path, err)
	}
	return nil
}
