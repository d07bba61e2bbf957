package hosts

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"box/engine/cgroup"
	"box/engine/stats"
	"box/engine/stats/sample"
)

// groups reads the control groups of the containers of this machine.
type groups struct {
	names func() []string // of the groups, which are the IDs of containers
	paths func(id string) (map[string]string, error)
	pids  func(id string) []int
	host  stats.Host

	last map[string]sample.Container
	at   time.Time
}

// parent is the group below which the groups of containers are, unless a daemon was told another.
const parent = "/docker"

// machine returns the control groups of this machine, or nil where none are mounted.
func machine() *groups {
	h, err := cgroup.Read()
	if err != nil {
		return nil
	}
	return &groups{names: func() []string { return h.Names(parent) }, host: stats.Host{Proc: "/proc"},
		paths: func(id string) (map[string]string, error) { return h.Open(parent + "/" + id).Paths() },
		pids: func(id string) []int {
			pids, _ := h.Open(parent + "/" + id).Pids() // none of one that has just ended
			return pids
		}}
}

// measureGroups measures by control groups each second until the end of ctx.
func (h *Host) measureGroups(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if h.now().Sub(h.groups.at) >= time.Second/2 {
			set, rated := h.groups.measure(h.now())
			h.measured(Groups, set, rated)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// measure measures all containers, whose names only a daemon knows. rated tells whether there are rates.
func (g *groups) measure(now time.Time) (set *sample.Set, rated bool) {
	set = &sample.Set{At: now, Host: g.machine()}
	last, span := g.last, now.Sub(g.at)
	rated = last != nil
	g.last, g.at = map[string]sample.Container{}, now
	for _, id := range g.names() {
		if !isID(id) {
			continue
		}
		paths, err := g.paths(id)
		if err != nil {
			continue
		}
		u := g.host.Read(paths)
		pids := g.pids(id)
		if len(pids) == 0 {
			continue // a group that its container has left behind
		}
		c := taken(sample.Container{ID: id, Name: id[:12], State: "running", Disk: sample.Disk{Writable: -1}}, &u.CPU,
			&u.Memory, &u.Blkio, &u.Pids, g.host.Networks(pids[0]))
		if u.Memory.Limit < noLimit {
			c.Memory.Limit = u.Memory.Limit
		}
		if before, ok := last[id]; ok {
			c.Rate = rate(&before, &c, span)
		}
		g.last[id] = c
		set.Containers = append(set.Containers, c)
	}
	return set, rated
}

// noLimit is what the kernel says of no limit of memory, or less: it rounds it to pages.
const noLimit = 1 << 60

// isID tells whether the name of a group is the ID of a container.
func isID(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}

// machine returns what of the host can be told without a daemon.
func (g *groups) machine() (h sample.Host) {
	h.Name, _ = os.Hostname()
	h.Cgroup = "1"
	if cgroup.V2() {
		h.Cgroup = "2"
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	raw, err := os.ReadFile(g.host.Proc + "/meminfo")
	if err == nil {
		values := map[string]uint64{}
		for line := range strings.Lines(string(raw)) {
			if words := strings.Fields(line); len(words) > 1 {
				n, _ := strconv.ParseUint(words[1], 10, 64)
				values[words[0]] = n << 10
			}
		}
		h.Memory = sample.HostMemory{Total: values["MemTotal:"], Free: values["MemFree:"],
			Available: values["MemAvailable:"], Cached: values["Cached:"], Buffers: values["Buffers:"],
			SwapTotal: values["SwapTotal:"], SwapFree: values["SwapFree:"]}
	}
	return h
}
