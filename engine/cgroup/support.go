package cgroup

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Support describes what the kernel's control groups can limit.
type Support struct {
	Memory, Swap, Swappiness, Reservation, OOMKillDisable bool
	CPUShares, CPUQuota, CPURealtime, Cpuset, Pids        bool
	BlkioWeight, BlkioWeightDevice                        bool
	ReadBps, WriteBps, ReadIOps, WriteIOps                bool

	CPUs int    // number of CPUs
	Cpus string // CPUs available to containers, such as 0-3
	Mems string // available memory nodes
}

// Supported asks the kernel what it can limit.
func Supported() Support { return supported(Root, V2()) }

func supported(root string, v2 bool) Support {
	if v2 {
		return supportedV2(root)
	}
	has := func(controller, file string) bool {
		_, err := os.Stat(filepath.Join(root, controller, file))
		return err == nil
	}
	return Support{
		Memory: has("memory", "memory.limit_in_bytes"), Swap: has("memory", "memory.memsw.limit_in_bytes"),
		Swappiness: has("memory", "memory.swappiness"), Reservation: has("memory", "memory.soft_limit_in_bytes"),
		OOMKillDisable: has("memory", "memory.oom_control"),
		CPUShares:      has("cpu", "cpu.shares"), CPUQuota: has("cpu", "cpu.cfs_quota_us"),
		CPURealtime: has("cpu", "cpu.rt_runtime_us"),
		Cpuset:      has("cpuset", "cpuset.cpus"), Pids: has("pids", "cgroup.procs"),
		BlkioWeight: has("blkio", "blkio.weight"), BlkioWeightDevice: has("blkio", "blkio.weight_device"),
		ReadBps: has("blkio", "blkio.throttle.read_bps_device"), WriteBps: has("blkio", "blkio.throttle.write_bps_device"),
		ReadIOps:  has("blkio", "blkio.throttle.read_iops_device"),
		WriteIOps: has("blkio", "blkio.throttle.write_iops_device"),
		CPUs:      runtime.NumCPU(), Cpus: word(root, "cpuset/cpuset.cpus"), Mems: word(root, "cpuset/cpuset.mems"),
	}
}

// supportedV2 goes by the controllers, since the root group lacks the files of the limits.
func supportedV2(root string) Support {
	controllers := strings.Fields(word(root, "cgroup.controllers"))
	has := func(name string) bool { return slices.Contains(controllers, name) }
	memory, cpu, io := has("memory"), has("cpu"), has("io")
	return Support{
		Memory: memory, Swap: memory, Reservation: memory, CPUShares: cpu, CPUQuota: cpu, Cpuset: has("cpuset"),
		Pids:        has("pids"),
		BlkioWeight: io, BlkioWeightDevice: io, ReadBps: io, WriteBps: io, ReadIOps: io, WriteIOps: io,
		CPUs: runtime.NumCPU(), Cpus: word(root, "cpuset.cpus.effective"), Mems: word(root, "cpuset.mems.effective"),
	}
}

// word returns the content of a file, "" if it cannot be read.
func word(root, file string) string {
	raw, _ := os.ReadFile(filepath.Join(root, file))
	return strings.TrimSpace(string(raw))
}

// maxListed bounds the numbers in a list of CPUs, far above real ones.
const maxListed = 8192

// ParseList reads a list in the format of cpuset(7), such as 0-3,7; ok is false if it is malformed.
func ParseList(s string) (list []int, ok bool) {
	if s == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && ranged {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 0 || to < from || to > maxListed {
			return nil, false
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	return list, true
}

// Within reports whether every number of the list asked is in have; ok is false if asked is malformed. If have is
// unknown, everything is within.
func Within(asked, have string) (within, ok bool) {
	wanted, ok := ParseList(asked)
	if !ok {
		return false, false
	}
	there, known := ParseList(have)
	if !known || have == "" {
		return true, true
	}
	for _, n := range wanted {
		if !slices.Contains(there, n) {
			return false, true
		}
	}
	return true, true
}
