package cgroup

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limitsV2 converts r to the files of the unified tree (the kernel's Documentation/admin-guide/cgroup-v2.rst). It
// ignores what only v1 has (swappiness, real time, disabling the OOM killer). current returns the present content of
// a file, since some files combine two limits of r.
func limitsV2(r *specs.LinuxResources, current func(file string) string) (limits, error) {
	var l limits
	l.pids(r.Pids)
	if err := l.memoryV2(r.Memory, current); err != nil {
		return nil, err
	}
	l.io(r.BlockIO, current)
	l.cpuV2(r.CPU, current)
	l.hugepages(r.HugepageLimits, ".max")
	return l, l.named(r.Unified)
}

func (l *limits) memoryV2(m *specs.LinuxMemory, current func(file string) string) error {
	if m == nil {
		return nil
	}
	swap, err := swapV2(m, current)
	if err != nil {
		return err
	}
	if swap != "" {
		// On a host without swap there is nothing to forbid or allow.
		*l = append(*l, limit{file: "memory.swap.max", value: swap, spare: swap == "max" || swap == "0"})
	}
	for _, row := range []struct {
		file  string
		value *int64
	}{{"memory.max", m.Limit}, {"memory.low", m.Reservation}} {
		if row.value != nil && *row.value == -1 {
			l.add(row.file, "max")
		} else {
			l.number(row.file, row.value)
		}
	}
	return nil
}

// swapV2 returns the limit of swap without memory, "" to keep it. r limits memory and swap together, so changing
// either changes it.
func swapV2(m *specs.LinuxMemory, current func(file string) string) (string, error) {
	var memory, both int64
	if m.Limit != nil {
		memory = *m.Limit
	}
	if m.Swap != nil {
		both = *m.Swap
	}
	switch {
	case both == -1, memory == -1 && both == 0:
		return "max", nil
	case memory == 0 && both == 0:
		return "", nil
	case memory == -1:
		return strconv.FormatInt(both, 10), nil
	case both == 0:
		have, err := strconv.ParseInt(current("memory.max"), 10, 64)
		swap, err2 := strconv.ParseInt(current("memory.swap.max"), 10, 64)
		if err != nil || err2 != nil {
			return "", nil // "max": there is no number to take the new limit from
		}
		both = have + swap
	case memory == 0:
		have, err := strconv.ParseInt(current("memory.max"), 10, 64)
		if err != nil {
			return "", fmt.Errorf("unable to set swap limit without memory limit: %w", errdefs.ErrInvalidArgument)
		}
		memory = have
	}
	if both < memory {
		return "", fmt.Errorf("memory+swap limit should be >= memory limit: %w", errdefs.ErrInvalidArgument)
	}
	return strconv.FormatInt(both-memory, 10), nil
}

func (l *limits) cpuV2(c *specs.LinuxCPU, current func(file string) string) {
	if c == nil {
		return
	}
	if c.Idle != nil {
		l.add("cpu.idle", strconv.FormatInt(*c.Idle, 10))
	}
	if c.Shares != nil && *c.Shares != 0 {
		l.add("cpu.weight", strconv.Itoa(cpuWeight(*c.Shares)))
	}
	if c.Burst != nil {
		l.add("cpu.max.burst", strconv.FormatUint(*c.Burst, 10))
	}
	l.bandwidth(c, current)
	l.cpuset(c)
}

// bandwidth sets quota and period, which share a file; what c leaves out stays.
func (l *limits) bandwidth(c *specs.LinuxCPU, current func(file string) string) {
	asked, every := c.Quota != nil && *c.Quota != 0, c.Period != nil && *c.Period != 0
	if !asked && !every {
		return
	}
	quota, period := "max", "100000" // the kernel's defaults
	if !asked || !every {
		if now := strings.Fields(current("cpu.max")); len(now) == 2 {
			quota, period = now[0], now[1]
		}
	}
	if asked {
		quota = "max"
		if *c.Quota > 0 {
			quota = strconv.FormatInt(*c.Quota, 10)
		}
	}
	if every {
		period = strconv.FormatUint(*c.Period, 10)
	}
	l.add("cpu.max", quota+" "+period)
}

// cpuWeight maps v1 shares, 2 to 262144, to weights, 1 to 10000, so that the defaults 1024 and 100 match: log(weight)
// is a quadratic function of log(shares) through these three points.
func cpuWeight(shares uint64) int {
	switch {
	case shares <= minShares:
		return 1
	case shares >= maxShares:
		return 10000
	}
	l := math.Log2(float64(shares))
	return int(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34)))
}

// named adds values for files of the unified tree by name, one write per line.
func (l *limits) named(files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.Contains(name, "/") || !strings.Contains(name, ".") {
			return fmt.Errorf("unified resource %q is not CONTROLLER.PARAMETER: %w", name, errdefs.ErrInvalidArgument)
		}
		for line := range strings.Lines(files[name]) {
			l.add(name, line)
		}
	}
	return nil
}
