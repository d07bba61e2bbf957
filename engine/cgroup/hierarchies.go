package cgroup

import (
	"slices"
	"strings"

	fsmount "box/fs/mount"
)

// Hierarchies is the set of control group trees mounted below Root. It is read once, since reading it for each
// container would cost more than the container's groups.
type Hierarchies struct {
	unified     bool     // one tree has all controllers (v2) and is the only mount
	mounts      []mount  // each tree once
	controllers []string // those of the unified tree
	confined    bool     // this process is in a user namespace, where the kernel permits no rules for devices
}

// mount is one mounted tree.
type mount struct {
	dir         string
	v2          bool
	controllers []string // such as "memory" or "name=systemd"; "" for a v2 tree; nil if containers do not join
}

// optional reports whether a tree limits nothing, so that a container may lack its group there.
func (m mount) optional() bool {
	return m.controllers == nil || m.controllers[0] == "" || strings.HasPrefix(m.controllers[0], "name=")
}

// joined lists the v1 trees in which containers have groups: the controllers, and the tree by which systemd tracks
// processes.
var joined = []string{
	"cpuset", "devices", "memory", "cpu", "cpuacct", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "perf_event",
	"freezer", "rdma",
	"misc", "name=systemd",
}

// Read finds what is mounted now.
func Read() (*Hierarchies, error) {
	users, err := read("/proc/self/uid_map")
	confined := err == nil && !slices.Equal(strings.Fields(users), []string{"0", "0", "4294967295"})
	if V2() {
		names, err := read(Root + "/cgroup.controllers")
		if err != nil {
			return nil, err
		}
		h := unifiedAt(Root, strings.Fields(names))
		h.confined = confined
		return h, nil
	}
	all, err := fsmount.Table()
	if err != nil {
		return nil, err
	}
	return &Hierarchies{mounts: treesOf(all), confined: confined}, nil
}

// unifiedAt returns the unified tree at root.
func unifiedAt(root string, controllers []string) *Hierarchies {
	return &Hierarchies{unified: true, mounts: []mount{{root, true, []string{""}}}, controllers: controllers}
}

// treesOf finds the v1 trees below Root, and a v2 tree beside them ("hybrid"). A controller that is mounted twice
// counts once.
func treesOf(all []*fsmount.Info) []mount {
	var mounts []mount
	known := func(name string) bool {
		return slices.ContainsFunc(mounts, func(m mount) bool { return slices.Contains(m.controllers, name) })
	}
	for _, i := range all {
		m := mount{dir: i.Mountpoint, v2: i.FSType == "cgroup2"}
		switch {
		case !strings.HasPrefix(i.Mountpoint, Root+"/"):
			continue
		case m.v2 && !known(""):
			m.controllers = []string{""}
		case i.FSType == "cgroup":
			for name := range strings.SplitSeq(i.VFSOptions, ",") {
				if slices.Contains(joined, name) && !known(name) {
					m.controllers = append(m.controllers, name)
				}
			}
		default:
			continue
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// find returns the tree that has the controller. On the unified hierarchy there is only one.
func (h *Hierarchies) find(controller string) (mount, bool) {
	for _, m := range h.mounts {
		if h.unified || slices.Contains(m.controllers, controller) {
			return m, true
		}
	}
	return mount{}, false
}

// freezer returns the tree in which groups are frozen. A v2 tree can do that without a controller.
func (h *Hierarchies) freezer() (mount, bool) {
	m, ok := h.find("freezer")
	if !ok {
		m, ok = h.find("")
	}
	return m, ok
}

// deviceless reports whether nothing restricts devices here.
func (h *Hierarchies) deviceless() bool {
	_, ok := h.find("devices")
	return !ok && !h.confined
}
