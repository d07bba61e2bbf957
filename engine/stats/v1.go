package stats

import (
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// memoryV1 are the counters of memory.stat that Docker shows, each also with the prefix total_ for the group and its
// children.
var memoryV1 = []string{
	"cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout", "pgfault", "pgmajfault",
	"inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
}

func readV1(groups map[string]string) Usage {
	acct, sched, mem, pids := groups["cpuacct"], groups["cpu"], groups["memory"], groups["pids"]
	var u Usage
	u.CPU.CPUUsage.TotalUsage = value(acct, "cpuacct.usage")
	u.CPU.CPUUsage.PercpuUsage = list(acct, "cpuacct.usage_percpu")
	split := pairs(acct, "cpuacct.stat")
	u.CPU.CPUUsage.UsageInUsermode, u.CPU.CPUUsage.UsageInKernelmode = split["user"]*tick, split["system"]*tick
	throttled := pairs(sched, "cpu.stat")
	u.CPU.ThrottlingData = container.ThrottlingData{
		Periods: throttled["nr_periods"], ThrottledPeriods: throttled["nr_throttled"],
		ThrottledTime: throttled["throttled_time"],
	}
	if all := pairs(mem, "memory.stat"); len(all) > 0 {
		names := []string{"hierarchical_memory_limit", "hierarchical_memsw_limit"}
		for _, n := range memoryV1 {
			names = append(names, n, "total_"+n)
		}
		u.Memory = container.MemoryStats{
			Usage: value(mem, "memory.usage_in_bytes"), MaxUsage: value(mem, "memory.max_usage_in_bytes"),
			Failcnt: value(mem, "memory.failcnt"), Limit: value(mem, "memory.limit_in_bytes"), Stats: chosen(all, names),
		}
	}
	u.Blkio = blkioV1(groups["blkio"])
	u.Pids.Current, u.Pids.Limit = value(pids, "pids.current"), value(pids, "pids.max")
	if u.Pids.Limit == math.MaxUint64 {
		u.Pids.Limit = 0 // none, as Docker tells it of this version
	}
	return u
}

// list reads a file with numbers on one line.
func list(dir, name string) []uint64 {
	if dir == "" {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	var out []uint64
	for w := range strings.FieldsSeq(string(raw)) {
		out = append(out, number(w))
	}
	return out
}

// blkioV1 reads the counters of the scheduler in use: CFQ until 5.0, BFQ, or else those of the throttle, which count
// all requests.
func blkioV1(dir string) container.BlkioStats {
	b := container.BlkioStats{
		IoServiceBytesRecursive: devices(dir, "blkio.io_service_bytes_recursive"),
		IoServicedRecursive:     devices(dir, "blkio.io_serviced_recursive"),
		IoQueuedRecursive:       devices(dir, "blkio.io_queued_recursive"),
		IoServiceTimeRecursive:  devices(dir, "blkio.io_service_time_recursive"),
		IoWaitTimeRecursive:     devices(dir, "blkio.io_wait_time_recursive"),
		IoMergedRecursive:       devices(dir, "blkio.io_merged_recursive"),
		IoTimeRecursive:         devices(dir, "blkio.time_recursive"),
		SectorsRecursive:        devices(dir, "blkio.sectors_recursive"),
	}
	for _, from := range []string{"blkio.bfq.", "blkio.throttle."} {
		if len(b.IoServiceBytesRecursive) == 0 {
			b.IoServiceBytesRecursive = devices(dir, from+"io_service_bytes_recursive")
		}
		if len(b.IoServicedRecursive) == 0 {
			b.IoServicedRecursive = devices(dir, from+"io_serviced_recursive")
		}
	}
	return b
}

// devices reads lines such as "8:0 Read 4096" or "8:0 4096", without the sum of all devices.
func devices(dir, name string) []container.BlkioStatEntry {
	entries := []container.BlkioStatEntry{}
	eachDevice(dir, name, func(e container.BlkioStatEntry, words []string) {
		e.Value = number(words[len(words)-1])
		if len(words) > 1 {
			e.Op = words[0]
		}
		entries = append(entries, e)
	})
	return entries
}

// eachDevice calls fn for each line that starts with the numbers of a device. A missing file, or the folder "", has no
// lines.
func eachDevice(dir, name string, fn func(device container.BlkioStatEntry, words []string)) {
	if dir == "" {
		return
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if major, minor, ok := strings.Cut(words[0], ":"); ok {
			fn(container.BlkioStatEntry{Major: number(major), Minor: number(minor)}, words[1:])
		}
	}
}
