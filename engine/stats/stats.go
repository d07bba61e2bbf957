// Package stats measures what a container uses: from its control groups of either version, and from the network
// interfaces that its processes see.
package stats

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// Usage is a measurement.
type Usage struct {
	CPU    container.CPUStats
	Memory container.MemoryStats
	Blkio  container.BlkioStats
	Pids   container.PidsStats
}

// Host is the information about the machine that is needed.
type Host struct {
	Proc   string // mount of proc
	Memory uint64 // bytes of the machine: what limits a container that has no lower limit
}

// Read measures a container. groups are the folders of its control groups by controller; the key "" is the unified
// hierarchy. What cannot be read is zero, because controllers may be missing and the container may end meanwhile.
func (h Host) Read(groups map[string]string) Usage {
	var u Usage
	if groups["memory"] != "" || groups["cpuacct"] != "" {
		u = readV1(groups)
	} else {
		u = readV2(groups[""])
	}
	u.CPU.SystemUsage, u.CPU.OnlineCPUs = h.cpu()
	if h.Memory > 0 && u.Memory.Limit > h.Memory {
		u.Memory.Limit = h.Memory
	}
	return u
}

// clockTicks is the unit of /proc/stat and cpuacct.stat, per second (USER_HZ, the same on all supported architectures).
const clockTicks = 100

const tick = 1_000_000_000 / clockTicks // nanoseconds

// cpu returns the time that all processors spent, and their number (proc_stat(5)).
func (h Host) cpu() (system uint64, online uint32) {
	f, err := os.Open(filepath.Join(h.Proc, "stat"))
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		switch {
		case len(w) < 8 || !strings.HasPrefix(w[0], "cpu"):
			return system, online
		case w[0] == "cpu":
			for _, v := range w[1:8] { // user to softirq; guests are within user
				system += number(v) * tick
			}
		default:
			online++
		}
	}
	return system, online
}

// number parses a count; "max" is the maximum.
func number(s string) uint64 {
	s = strings.TrimSpace(s)
	if s == "max" {
		return math.MaxUint64
	}
	n, _ := strconv.ParseUint(s, 10, 64) // 0 for what is none
	return n
}

// value reads a file with one number. A missing file is 0.
func value(dir, name string) uint64 {
	if dir == "" {
		return 0
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	return number(string(raw))
}

// pairs reads a file with lines "name number".
func pairs(dir, name string) map[string]uint64 {
	all := map[string]uint64{}
	if dir == "" {
		return all
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(raw)) {
		if key, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[key] = number(v)
		}
	}
	return all
}

// chosen returns the values of names in all, 0 for missing ones.
func chosen(all map[string]uint64, names []string) map[string]uint64 {
	out := make(map[string]uint64, len(names))
	for _, n := range names {
		out[n] = all[n]
	}
	return out
}
