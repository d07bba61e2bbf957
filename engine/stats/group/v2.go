package group

import (
	"bytes"

	"box/engine/stats/sample"
)

const micro = 1000 // of the kernel's unit of time, in nanoseconds

// processorV2 reads counters of version 2 (Documentation/admin-guide/cgroup-v2.rst), and the pressure, which grows also
// while nothing runs.
func (g *Group) processorV2(c *sample.Container) {
	pairs(g.read("", "cpu.stat"), func(name []byte, value uint64) {
		switch string(name) {
		case "usage_usec":
			c.CPU.Total = value * micro
		case "user_usec":
			c.CPU.User = value * micro
		case "system_usec":
			c.CPU.System = value * micro
		case "nr_periods":
			c.CPU.Periods = value
		case "nr_throttled":
			c.CPU.ThrottledPeriods = value
		case "throttled_usec":
			c.CPU.Throttled = value * micro
		}
	})
	cpu, memory, io := Pressure(g.read("", "cpu.pressure")), Pressure(g.read("", "memory.pressure")),
		Pressure(g.read("", "io.pressure"))
	if p := (sample.Pressure{CPU: cpu, Memory: memory, IO: io}); p != (sample.Pressure{}) ||
		g.there("cpu.pressure") {
		c.Pressure = &p
	}
}

func (g *Group) memoryV2(m *sample.Memory) {
	m.Usage = number(g.read("", "memory.current"))
	var inactive uint64
	pairs(g.read("", "memory.stat"), func(name []byte, value uint64) {
		switch string(name) {
		case "anon":
			m.RSS = value
		case "file":
			m.Cache = value
		case "file_mapped":
			m.Mapped = value
		case "kernel":
			m.Kernel = value
		case "inactive_file":
			inactive = value
		case "pgfault":
			m.Faults = value
		case "pgmajfault":
			m.MajorFaults = value
		}
	})
	m.WorkingSet = m.Usage - min(inactive, m.Usage)
	m.Swap = number(g.read("", "memory.swap.current"))
}

// countersV2 reads words such as "rbytes=1 wbytes=2 rios=3 wios=4".
func countersV2(d *sample.Device, words []byte) {
	for len(words) > 0 {
		word, rest, _ := bytes.Cut(words, []byte{' '})
		words = rest
		switch key, value, _ := bytes.Cut(word, []byte{'='}); string(key) {
		case "rbytes":
			d.ReadBytes = number(value)
		case "wbytes":
			d.WrittenBytes = number(value)
		case "rios":
			d.Reads = number(value)
		case "wios":
			d.Writes = number(value)
		}
	}
}

func (g *Group) peaksV2(m *sample.Memory) {
	m.Max = number(g.once("", "memory.peak"))
	pairs(g.once("", "memory.events"), func(name []byte, value uint64) {
		switch string(name) {
		case "max":
			m.Failures = value
		case "oom_kill":
			m.OOMKills = value
		}
	})
}

// limitsV2 tells the weight as Docker's shares, as cAdvisor does: weight 1 to 10,000 stands for 2 to 262,144 shares.
func (g *Group) limitsV2(c *sample.Container) {
	c.Memory.SwapLimit = 0
	if weight := number(g.once("", "cpu.weight")); weight > 0 {
		c.CPU.Shares = 2 + (weight-1)*262142/9999
	}
	quota, period, _ := bytes.Cut(g.once("", "cpu.max"), []byte{' '})
	c.CPU.Quota, c.CPU.Period = int64(limit(number(quota))), int64(number(period))
	c.Memory.Limit = limit(number(g.once("", "memory.max")))
	if swap := number(g.once("", "memory.swap.max")); limit(swap) > 0 && c.Memory.Limit > 0 {
		c.Memory.SwapLimit = c.Memory.Limit + swap
	}
	c.Memory.Reserved = limit(number(g.once("", "memory.low")))
	c.Pids.Limit = limit(number(g.once("", "pids.max")))
}
