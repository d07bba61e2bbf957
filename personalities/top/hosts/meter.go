package hosts

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"

	"box/engine/stats/collect"
	"box/engine/stats/sample"
	"box/netapi/wire"
)

// meter starts or ends the stream of a container's measurements, as it runs or not. The caller holds d.mu.
func (d *docker) meter(ctx context.Context, o *observed) {
	switch {
	case !running(&o.c):
		o.end()
		o.frames, o.c = 0, still(o.c)
	case o.cancel == nil:
		var stream context.Context
		stream, o.cancel = context.WithCancel(ctx)
		o.frames, o.at = 0, time.Time{}
		d.work.Go(func() {
			d.follow(stream, o)
			d.mu.Lock()
			defer d.mu.Unlock()
			if stream.Err() == nil { // ended by the daemon: the next list starts it again
				o.end()
			}
		})
	}
}

// still returns a container without what only a running one uses.
func still(c sample.Container) sample.Container {
	limits := c.CPU
	c.CPU = sample.CPU{Shares: limits.Shares, Quota: limits.Quota, Period: limits.Period, Limit: limits.Limit}
	c.Memory = sample.Memory{Limit: c.Memory.Limit, SwapLimit: c.Memory.SwapLimit, Reserved: c.Memory.Reserved}
	c.Pressure, c.IO, c.Network, c.Pids, c.Rate = nil, nil, nil, sample.Pids{Limit: c.Pids.Limit}, sample.Rate{}
	return c
}

// follow reads the measurements of a container until they end.
func (d *docker) follow(ctx context.Context, o *observed) {
	body, err := d.api.ContainerStats(ctx, o.id, true, false)
	if err != nil {
		return
	}
	defer body.Close()
	r := wire.NewJSONReader(body)
	for {
		var s container.StatsResponse
		if r.Read(&s) != nil || ctx.Err() != nil {
			return
		}
		d.alive()
		d.mu.Lock()
		o.take(&s)
		d.mu.Unlock()
	}
}

// take takes a measurement. One without a time is empty: the daemon could not measure.
func (o *observed) take(s *container.StatsResponse) {
	o.frames++
	if s.Read.IsZero() {
		return
	}
	next := taken(o.c, &s.CPUStats, &s.MemoryStats, &s.BlkioStats, &s.PidsStats, s.Networks)
	if !o.at.IsZero() {
		next.Rate = collect.Rate(&o.c, &next, s.Read.Sub(o.at))
	}
	o.c, o.at = next, s.Read
}

// taken returns a container with a measurement in the form of Docker's API.
func taken(c sample.Container, cpu *container.CPUStats, m *container.MemoryStats, b *container.BlkioStats,
	p *container.PidsStats, nets map[string]container.NetworkStats) sample.Container {
	c = still(c)
	c.CPU.Total, c.CPU.User, c.CPU.System = cpu.CPUUsage.TotalUsage, cpu.CPUUsage.UsageInUsermode,
		cpu.CPUUsage.UsageInKernelmode
	t := cpu.ThrottlingData
	c.CPU.Periods, c.CPU.ThrottledPeriods, c.CPU.Throttled = t.Periods, t.ThrottledPeriods, t.ThrottledTime
	takeMemory(&c.Memory, m)
	c.IO = devices(b)
	for name, n := range nets {
		c.Network = append(c.Network, sample.Interface{Name: name, RxBytes: n.RxBytes, RxPackets: n.RxPackets,
			RxErrors: n.RxErrors, RxDropped: n.RxDropped, TxBytes: n.TxBytes, TxPackets: n.TxPackets, TxErrors: n.TxErrors,
			TxDropped: n.TxDropped})
	}
	slices.SortFunc(c.Network, func(a, b sample.Interface) int { return strings.Compare(a.Name, b.Name) })
	c.Pids = sample.Pids{Current: p.Current, Limit: p.Limit}
	if c.Pids.Limit > maxTasks {
		c.Pids.Limit = 0
	}
	return c
}

// maxTasks is the number of tasks that no machine has (PID_MAX_LIMIT): a limit above it is none.
const maxTasks = 4 << 20

// takeMemory reads the counters of either version of control groups: those of v1 that include children have the prefix
// total_.
func takeMemory(to *sample.Memory, m *container.MemoryStats) {
	first := func(names ...string) uint64 {
		for _, n := range names {
			if v, ok := m.Stats[n]; ok {
				return v
			}
		}
		return 0
	}
	to.Usage, to.Max, to.Failures = m.Usage, m.MaxUsage, m.Failcnt
	to.WorkingSet = m.Usage - min(m.Usage, first("total_inactive_file", "inactive_file"))
	to.RSS, to.Cache = first("total_rss", "anon"), first("total_cache", "file")
	to.Mapped = first("total_mapped_file", "file_mapped")
	to.Kernel = first("kernel_stack") + first("slab")
	to.Faults, to.MajorFaults = first("total_pgfault", "pgfault"), first("total_pgmajfault", "pgmajfault")
}

// devices sums up reads and writes of each block device.
func devices(b *container.BlkioStats) (all []sample.Device) {
	at := func(major, minor uint64) *sample.Device {
		i := slices.IndexFunc(all, func(d sample.Device) bool { return d.Major == major && d.Minor == minor })
		if i < 0 {
			all = append(all, sample.Device{Major: major, Minor: minor})
			i = len(all) - 1
		}
		return &all[i]
	}
	for _, e := range b.IoServiceBytesRecursive {
		switch d := at(e.Major, e.Minor); strings.ToLower(e.Op) {
		case "read":
			d.ReadBytes += e.Value
		case "write":
			d.WrittenBytes += e.Value
		}
	}
	for _, e := range b.IoServicedRecursive {
		switch d := at(e.Major, e.Minor); strings.ToLower(e.Op) {
		case "read":
			d.Reads += e.Value
		case "write":
			d.Writes += e.Value
		}
	}
	return all
}
