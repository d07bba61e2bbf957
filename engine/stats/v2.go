package stats

import (
	"strings"

	"github.com/moby/moby/api/types/container"
)

// memoryV2 are the counters of memory.stat that Docker shows.
var memoryV2 = []string{
	"anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty", "file_writeback", "anon_thp",
	"inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "slab_reclaimable",
	"slab_unreclaimable",
	"pgfault", "pgmajfault", "workingset_refault", "workingset_activate", "workingset_nodereclaim", "pgrefill", "pgscan",
	"pgsteal",
	"pgactivate", "pgdeactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc",
}

func readV2(dir string) Usage {
	var u Usage
	cpu := pairs(dir, "cpu.stat")
	const micro = 1000 // of the kernel's unit, in nanoseconds
	u.CPU.CPUUsage.TotalUsage = cpu["usage_usec"] * micro
	u.CPU.CPUUsage.UsageInUsermode, u.CPU.CPUUsage.UsageInKernelmode = cpu["user_usec"]*micro, cpu["system_usec"]*micro
	u.CPU.ThrottlingData = container.ThrottlingData{
		Periods: cpu["nr_periods"], ThrottledPeriods: cpu["nr_throttled"], ThrottledTime: cpu["throttled_usec"] * micro,
	}
	if all := pairs(dir, "memory.stat"); len(all) > 0 {
		for _, n := range []string{"workingset_refault", "workingset_activate"} {
			if _, ok := all[n]; !ok { // told apart by kind since Linux 5.9
				all[n] = all[n+"_anon"] + all[n+"_file"]
			}
		}
		u.Memory = container.MemoryStats{
			Usage: value(dir, "memory.current"), Limit: value(dir, "memory.max"),
			Failcnt: pairs(dir, "memory.events")["oom"], Stats: chosen(all, memoryV2),
		}
	}
	u.Blkio = ioV2(dir)
	u.Pids.Current, u.Pids.Limit = value(dir, "pids.current"), value(dir, "pids.max")
	return u
}

// ioV2 reads lines such as "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0".
func ioV2(dir string) container.BlkioStats {
	b := container.BlkioStats{IoServiceBytesRecursive: []container.BlkioStatEntry{}}
	eachDevice(dir, "io.stat", func(e container.BlkioStatEntry, words []string) {
		for _, pair := range words {
			key, v, _ := strings.Cut(pair, "=")
			op, known := map[string]string{"rbytes": "read", "wbytes": "write"}[key]
			if known {
				e.Op, e.Value = op, number(v)
				b.IoServiceBytesRecursive = append(b.IoServiceBytesRecursive, e)
			}
		}
	})
	return b
}
