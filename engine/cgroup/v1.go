package cgroup

import (
	"fmt"
	"strconv"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const memoryLimit = "memory.limit_in_bytes"

// The kernel's range of CPU shares. It would silently use the nearest value.
const minShares, maxShares = 2, 262144

// limitsV1 converts r to the files of v1 (the kernel's Documentation/admin-guide/cgroup-v1).
func limitsV1(r *specs.LinuxResources) (limits, error) {
	var l limits
	if len(r.Unified) > 0 {
		return nil, fmt.Errorf("limits of the unified hierarchy on one of version 1: %w", errdefs.ErrInvalidArgument)
	}
	if err := l.memoryV1(r.Memory); err != nil {
		return nil, err
	}
	if err := l.cpuV1(r.CPU); err != nil {
		return nil, err
	}
	l.pids(r.Pids)
	l.blkio(r.BlockIO)
	l.hugepages(r.HugepageLimits, ".limit_in_bytes")
	return l, nil
}

// memoryV1 adds the limits of memory. It ignores those of kernel memory, deprecated since Linux 5.4.
func (l *limits) memoryV1(m *specs.LinuxMemory) error {
	if m == nil {
		return nil
	}
	l.number(memoryLimit, m.Limit)
	l.number("memory.memsw.limit_in_bytes", m.Swap)
	if m.Limit != nil && *m.Limit == -1 && (m.Swap == nil || *m.Swap == 0) {
		*l = append(*l, limit{file: "memory.memsw.limit_in_bytes", value: "-1", spare: true})
	}
	l.number("memory.soft_limit_in_bytes", m.Reservation)
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		l.add("memory.oom_control", "1")
	}
	if s := m.Swappiness; s != nil && int64(*s) != -1 {
		if *s > 100 {
			return fmt.Errorf("invalid memory swappiness value: %d (valid range is 0-100): %w", *s, errdefs.ErrInvalidArgument)
		}
		l.add("memory.swappiness", strconv.FormatUint(*s, 10))
	}
	return nil
}

func (l *limits) cpuV1(c *specs.LinuxCPU) error {
	if c == nil {
		return nil
	}
	if c.Shares != nil && *c.Shares > maxShares {
		return fmt.Errorf("the maximum allowed cpu-shares is %d", maxShares)
	}
	if c.Shares != nil && *c.Shares == 1 {
		return fmt.Errorf("the minimum allowed cpu-shares is %d", minShares)
	}
	l.cpuset(c)
	l.unsigned("cpu.shares", c.Shares)
	l.unsigned("cpu.cfs_period_us", c.Period)
	if c.Burst != nil {
		*l = append(*l, limit{file: "cpu.cfs_burst_us", value: strconv.FormatUint(*c.Burst, 10), spare: true})
	}
	l.number("cpu.cfs_quota_us", c.Quota)
	if c.Idle != nil {
		l.add("cpu.idle", strconv.FormatInt(*c.Idle, 10))
	}
	l.unsigned("cpu.rt_period_us", c.RealtimePeriod)
	l.number("cpu.rt_runtime_us", c.RealtimeRuntime)
	return nil
}
