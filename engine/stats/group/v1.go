package group

import (
	"bytes"

	"box/engine/stats/sample"
)

// tick is the unit of cpuacct.stat in nanoseconds (USER_HZ, the same on all supported architectures).
const tick = 1_000_000_000 / 100

// processorV1 reads counters of version 1 (Documentation/admin-guide/cgroup-v1).
func (g *Group) processorV1(c *sample.CPU, before *sample.Container) {
	c.Total = number(g.read("cpuacct", "cpuacct.usage"))
	if c.Quota > 0 { // else it is never held back
		g.throttledV1(c)
	}
	if before != nil && before.CPU.Total == c.Total {
		c.User, c.System = before.CPU.User, before.CPU.System
		return
	}
	pairs(g.read("cpuacct", "cpuacct.stat"), func(name []byte, value uint64) {
		switch string(name) {
		case "user":
			c.User = value * tick
		case "system":
			c.System = value * tick
		}
	})
}

func (g *Group) throttledV1(c *sample.CPU) {
	pairs(g.read("cpu", "cpu.stat"), func(name []byte, value uint64) {
		switch string(name) {
		case "nr_periods":
			c.Periods = value
		case "nr_throttled":
			c.ThrottledPeriods = value
		case "throttled_time":
			c.Throttled = value
		}
	})
}

func (g *Group) memoryV1(m *sample.Memory) {
	m.Usage = number(g.read("memory", "memory.usage_in_bytes"))
	var inactive uint64
	pairs(g.read("memory", "memory.stat"), func(name []byte, value uint64) {
		switch string(name) {
		case "total_cache":
			m.Cache = value
		case "total_rss":
			m.RSS = value
		case "total_mapped_file":
			m.Mapped = value
		case "total_swap":
			m.Swap = value
		case "total_pgfault":
			m.Faults = value
		case "total_pgmajfault":
			m.MajorFaults = value
		case "total_inactive_file":
			inactive = value
		}
	})
	m.WorkingSet = m.Usage - min(inactive, m.Usage)
}

// ioV1 reads the counters of the throttle, which counts all requests, or where that has none (before Linux 4.16) of the
// scheduler, BFQ or CFQ.
func (g *Group) ioV1(c *sample.Container) {
	for _, from := range []string{"blkio.throttle.", "blkio.bfq.", "blkio."} {
		bytesOf, requests := g.read("blkio", from+"io_service_bytes_recursive"), false
		parse := func(d *sample.Device, words []byte) {
			op, value, _ := bytes.Cut(words, []byte{' '})
			n := number(value)
			switch {
			case string(op) == "Read" && requests:
				d.Reads = n
			case string(op) == "Read":
				d.ReadBytes = n
			case string(op) == "Write" && requests:
				d.Writes = n
			case string(op) == "Write":
				d.WrittenBytes = n
			}
		}
		devices(bytesOf, &c.IO, parse)
		requests = true
		devices(g.read("blkio", from+"io_serviced_recursive"), &c.IO, parse)
		if g.there(from + "io_service_bytes_recursive") {
			return
		}
	}
}

func (g *Group) peaksV1(m *sample.Memory) {
	m.Max = number(g.once("memory", "memory.max_usage_in_bytes"))
	m.Kernel = number(g.once("memory", "memory.kmem.usage_in_bytes"))
	m.Failures = number(g.once("memory", "memory.failcnt"))
	pairs(g.once("memory", "memory.oom_control"), func(name []byte, value uint64) {
		if string(name) == "oom_kill" {
			m.OOMKills = value
		}
	})
}

func (g *Group) limitsV1(c *sample.Container) {
	c.CPU.Shares = number(g.once("cpu", "cpu.shares"))
	c.CPU.Period = int64(number(g.once("cpu", "cpu.cfs_period_us")))
	c.CPU.Quota = int64(number(g.once("cpu", "cpu.cfs_quota_us"))) // "-1" is none
	c.Memory.Limit = limit(number(g.once("memory", "memory.limit_in_bytes")))
	c.Memory.SwapLimit = limit(number(g.once("memory", "memory.memsw.limit_in_bytes")))
	c.Memory.Reserved = limit(number(g.once("memory", "memory.soft_limit_in_bytes")))
	c.Pids.Limit = limit(number(g.once("pids", "pids.max")))
}
