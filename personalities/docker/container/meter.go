package container

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/personalities/docker/table"
)

// meterRow is what stats shows of a container; its methods are what --format may name.
type meterRow struct {
	*meter
	whole bool
}

// unmeasured stands for what is not known of a container.
const unmeasured = "--"

func (r *meterRow) measured(value func(*container.StatsResponse) string) string {
	if !r.have {
		return unmeasured
	}
	return value(&r.stats)
}

// Container is the container as it was asked for.
func (r *meterRow) Container() string { return r.asked }

// ID is the container's.
func (r *meterRow) ID() string {
	return r.measured(func(s *container.StatsResponse) string { return table.CutID(s.ID, r.whole) })
}

// Name is the container's.
func (r *meterRow) Name() string {
	return r.measured(func(s *container.StatsResponse) string { return strings.TrimPrefix(s.Name, "/") })
}

// CPUPerc is the share of the processors, 100 % for each.
func (r *meterRow) CPUPerc() string {
	return r.measured(func(s *container.StatsResponse) string { return fmt.Sprintf("%.2f%%", cpuPercent(s)) })
}

// MemUsage is the memory in use and its limit.
func (r *meterRow) MemUsage() string {
	return r.measured(func(s *container.StatsResponse) string {
		used, limit := memoryUsed(&s.MemoryStats), s.MemoryStats.Limit
		return units.BytesSize(float64(used)) + " / " + units.BytesSize(float64(limit))
	})
}

// MemPerc is the share of the limit that is in use.
func (r *meterRow) MemPerc() string {
	return r.measured(func(s *container.StatsResponse) string {
		percent := 0.0
		if s.MemoryStats.Limit > 0 {
			percent = float64(memoryUsed(&s.MemoryStats)) / float64(s.MemoryStats.Limit) * 100
		}
		return fmt.Sprintf("%.2f%%", percent)
	})
}

// NetIO is what was received and sent.
func (r *meterRow) NetIO() string {
	return r.measured(func(s *container.StatsResponse) string {
		var rx, tx uint64
		for _, n := range s.Networks {
			rx, tx = rx+n.RxBytes, tx+n.TxBytes
		}
		return table.SizeText(int64(rx)) + " / " + table.SizeText(int64(tx))
	})
}

// BlockIO is what was read and written.
func (r *meterRow) BlockIO() string {
	return r.measured(func(s *container.StatsResponse) string {
		read, written := blockIO(&s.BlkioStats)
		return table.SizeText(int64(read)) + " / " + table.SizeText(int64(written))
	})
}

// PIDs is how many processes and threads there are.
func (r *meterRow) PIDs() string {
	return r.measured(func(s *container.StatsResponse) string { return fmt.Sprint(s.PidsStats.Current) })
}

// memoryUsed leaves out the page cache that the kernel would give up first: total_inactive_file on cgroup
// v1, inactive_file on v2.
func memoryUsed(m *container.MemoryStats) uint64 {
	for _, key := range []string{"total_inactive_file", "inactive_file"} {
		if v, ok := m.Stats[key]; ok && v < m.Usage {
			return m.Usage - v
		}
	}
	return m.Usage
}

// cpuPercent is the container's share of the time between two samples, 100 a CPU.
func cpuPercent(s *container.StatsResponse) float64 {
	cpu := float64(s.CPUStats.CPUUsage.TotalUsage) - float64(s.PreCPUStats.CPUUsage.TotalUsage)
	system := float64(s.CPUStats.SystemUsage) - float64(s.PreCPUStats.SystemUsage)
	online := float64(s.CPUStats.OnlineCPUs)
	if online == 0 {
		online = float64(len(s.CPUStats.CPUUsage.PercpuUsage))
	}
	if system <= 0 || cpu <= 0 {
		return 0
	}
	return cpu / system * online * 100
}

func blockIO(b *container.BlkioStats) (read, written uint64) {
	for _, e := range b.IoServiceBytesRecursive {
		switch {
		case strings.EqualFold(e.Op, "read"):
			read += e.Value
		case strings.EqualFold(e.Op, "write"):
			written += e.Value
		}
	}
	return read, written
}
