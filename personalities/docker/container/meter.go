package container

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"box/personalities/docker/table"
)

// meterRow is a row of stats; --format may call its methods.
type meterRow struct {
	*meter
	whole bool
}

// unmeasured is printed for values that are not known.
const unmeasured = "--"

func (r *meterRow) measured(value func(*container.StatsResponse) string) string {
	if !r.have {
		return unmeasured
	}
	return value(&r.stats)
}

// Container returns the name or ID that the user gave.
func (r *meterRow) Container() string { return r.asked }

// ID returns the ID of the container.
func (r *meterRow) ID() string {
	return r.measured(func(s *container.StatsResponse) string { return table.CutID(s.ID, r.whole) })
}

// Name returns the name of the container.
func (r *meterRow) Name() string {
	return r.measured(func(s *container.StatsResponse) string { return strings.TrimPrefix(s.Name, "/") })
}

// CPUPerc returns the use of CPU time; one CPU is 100 %.
func (r *meterRow) CPUPerc() string {
	return r.measured(func(s *container.StatsResponse) string { return fmt.Sprintf("%.2f%%", cpuPercent(s)) })
}

// MemUsage returns the memory in use and its limit.
func (r *meterRow) MemUsage() string {
	return r.measured(func(s *container.StatsResponse) string {
		used, limit := memoryUsed(&s.MemoryStats), s.MemoryStats.Limit
		return units.BytesSize(float64(used)) + " / " + units.BytesSize(float64(limit))
	})
}

// MemPerc returns the memory in use as a share of its limit.
func (r *meterRow) MemPerc() string {
	return r.measured(func(s *container.StatsResponse) string {
		percent := 0.0
		if s.MemoryStats.Limit > 0 {
			percent = float64(memoryUsed(&s.MemoryStats)) / float64(s.MemoryStats.Limit) * 100
		}
		return fmt.Sprintf("%.2f%%", percent)
	})
}

// NetIO returns the bytes received and sent.
func (r *meterRow) NetIO() string {
	return r.measured(func(s *container.StatsResponse) string {
		var rx, tx uint64
		for _, n := range s.Networks {
			rx, tx = rx+n.RxBytes, tx+n.TxBytes
		}
		return table.SizeText(int64(rx)) + " / " + table.SizeText(int64(tx))
	})
}

// BlockIO returns the bytes read and written.
func (r *meterRow) BlockIO() string {
	return r.measured(func(s *container.StatsResponse) string {
		read, written := blockIO(&s.BlkioStats)
		return table.SizeText(int64(read)) + " / " + table.SizeText(int64(written))
	})
}

// PIDs returns the number of processes and threads.
func (r *meterRow) PIDs() string {
	return r.measured(func(s *container.StatsResponse) string { return fmt.Sprint(s.PidsStats.Current) })
}

// memoryUsed subtracts the part of the page cache that the kernel reclaims first: total_inactive_file on cgroup v1,
// inactive_file on v2.
func memoryUsed(m *container.MemoryStats) uint64 {
	for _, key := range []string{"total_inactive_file", "inactive_file"} {
		if v, ok := m.Stats[key]; ok && v < m.Usage {
			return m.Usage - v
		}
	}
	return m.Usage
}

// cpuPercent returns the share of CPU time between two samples; one CPU is 100.
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
