package hosts

import (
	"context"
	"strings"
	"sync"
	"time"

	"box/engine/cgroup"
	"box/engine/stats/collect"
	"box/engine/stats/machine"
	"box/engine/stats/sample"
)

// groups measures this machine and the control groups of its containers while no daemon does.
type groups struct {
	ids     func() []string // of the containers, which their groups are named by
	paths   func(id string) (map[string]string, error)
	pids    func(id string) []int
	machine machine.Machine

	mu   sync.Mutex
	stop context.CancelFunc // nil: nothing is measured
	work sync.WaitGroup
}

const (
	parent   = "/docker"         // below which containers have their groups, unless a daemon was told another
	dataRoot = "/var/lib/docker" // whose file system is told of
)

// machineGroups returns the control groups of this machine, or nil where none are mounted.
func machineGroups() *groups {
	h, err := cgroup.Read()
	if err != nil {
		return nil
	}
	return &groups{ids: func() []string { return h.Names(parent) },
		machine: machine.Machine{Proc: "/proc", Sys: "/sys", Data: dataRoot},
		paths:   func(id string) (map[string]string, error) { return h.Open(parent + "/" + id).Paths() },
		pids: func(id string) []int {
			pids, _ := h.Open(parent + "/" + id).Pids() // none of one that has just ended
			return pids
		}}
}

// begin measures each second until end is called, or ctx ends. It does nothing if that goes on already.
func (g *groups) begin(ctx context.Context, measured func(set *sample.Set, rated bool)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stop != nil {
		return
	}
	ctx, g.stop = context.WithCancel(ctx)
	c := collect.New(collect.Options{Machine: &g.machine, Targets: g.targets, Host: g.host, Now: time.Now,
		Count: func(context.Context, string) (sample.Disk, error) { return sample.Disk{Writable: -1}, nil }})
	sets, stop := c.Watch()
	g.work.Go(func() { c.Run(ctx) })
	g.work.Go(func() {
		defer stop()
		for n := 0; ; n++ {
			select {
			case set := <-sets:
				measured(set, n > 0)
			case <-ctx.Done():
				return
			}
		}
	})
}

// end ends the measuring. It may be called again, and from measured.
func (g *groups) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stop != nil {
		g.stop()
		g.stop = nil
	}
}

// targets lists the containers, whose names only a daemon knows. Another first process is another run.
func (g *groups) targets() (list []*collect.Target) {
	for _, id := range g.ids() {
		if !isID(id) {
			continue
		}
		pids := g.pids(id)
		if len(pids) == 0 {
			continue // a group that its container has left behind
		}
		list = append(list, &collect.Target{Run: pids[0],
			Container: sample.Container{ID: id, Name: id[:12], State: "running", Disk: sample.Disk{Writable: -1}},
			Groups:    func() (map[string]string, error) { return g.paths(id) }})
	}
	return list
}

// host adds what the machine's measurement lacks.
func (g *groups) host(h *sample.Host) {
	h.Cgroup = "1"
	if cgroup.V2() {
		h.Cgroup = "2"
	}
}

// isID tells whether the name of a group is the ID of a container.
func isID(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
