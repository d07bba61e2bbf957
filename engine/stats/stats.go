// Package stats reads what a container uses: from its control groups of either version, and from the interfaces that
// its processes see.
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

// Usage is one measurement.
type Usage struct {
	CPU    container.CPUStats
	Memory container.MemoryStats
	Blkio  container.BlkioStats
	Pids   container.PidsStats
}

// Host is what is measured of the machine, and where.
type Host struct {
	Proc   string // mount of proc
	Memory uint64 // bytes of the machine: what limits a container that has no lower limit
}

// Read measures a container whose control groups are in the folders given, by controller; the key "" is the unified
// hierarchy. What cannot be read is zero: controllers may be missing, and the container may end meanwhile.
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

// clockTicks is what the kernel counts in /proc/stat and cpuacct.stat, a second (USER_HZ, the same on all
// architectures that are built for).
const clockTicks = 100

const tick = 1_000_000_000 / clockTicks // nanoseconds

// cpu is the time that all processors spent on anything, and how many there are (proc_stat(5)).
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

// number reads a count; "max" is the greatest that there is.
func number(s string) uint64 {
	s = strings.TrimSpace(s)
	if s == "max" {
		return math.MaxUint64
	}
	n, _ := strconv.ParseUint(s, 10, 64) // 0 for what is none
	return n
}

// value reads a file that holds one number, 0 where it is missing.
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

// pairs reads a file of lines "name number".
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

// chosen are those of names that all has, and zero for the others.
func chosen(all map[string]uint64, names []string) map[string]uint64 {
	out := make(map[string]uint64, len(names))
	for _, n := range names {
		out[n] = all[n]
	}
	return out
}
