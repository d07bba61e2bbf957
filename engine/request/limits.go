package request

import (
	"fmt"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/blkiodev"
	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/refuse"
)

// minMemory is what a start needs before the program begins.
const minMemory = 6 << 20

// Limits checks limits against each other and against what the kernel supports, in Docker's words and order. What is
// not supported is removed from r with a warning; other mistakes are errors.
func Limits(r *api.Resources, can cgroup.Support) (warnings []string, err error) {
	warn := func(text string) { warnings = append(warnings, text) }
	for _, step := range []func(*api.Resources, *cgroup.Support, func(string)) error{memoryLimits, oomLimits, cpuLimits,
		cpusetLimits, blkioLimits} {
		if err := step(r, &can, warn); err != nil {
			return warnings, err
		}
	}
	if r.PidsLimit != nil && *r.PidsLimit > 0 && !can.Pids {
		warn("Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.")
		r.PidsLimit = nil
	}
	if len(r.DeviceRequests) > 0 {
		return warnings, refuse.Invalid("could not select device driver %q with capabilities: %v", r.DeviceRequests[0].Driver,
			r.DeviceRequests[0].Capabilities)
	}
	for _, u := range r.Ulimits {
		if _, err := units.ParseUlimit(fmt.Sprintf("%s=%d:%d", u.Name, u.Soft, u.Hard)); err != nil {
			return warnings, refuse.Invalid("%v", err)
		}
	}
	return warnings, nil
}

func memoryLimits(r *api.Resources, can *cgroup.Support, warn func(string)) error {
	r.MemorySwap = max(r.MemorySwap, -1) // each of those below is no limit
	if r.MemorySwappiness != nil && *r.MemorySwappiness == -1 {
		r.MemorySwappiness = nil // how clients say nothing
	}
	if r.Memory != 0 && r.Memory < minMemory {
		return refuse.Invalid("Minimum memory limit allowed is 6MB")
	}
	if r.Memory > 0 && !can.Memory {
		warn("Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.")
		r.Memory, r.MemorySwap = 0, -1
	}
	if r.Memory > 0 && r.MemorySwap != -1 && !can.Swap {
		warn("Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without " +
			"swap.")
		r.MemorySwap = -1
	}
	switch {
	case r.Memory > 0 && r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return refuse.Invalid("Minimum memoryswap limit should be larger than memory limit, see usage")
	case r.Memory == 0 && r.MemorySwap > 0:
		return refuse.Invalid("You should always set the Memory limit when using Memoryswap limit, see usage")
	}
	if r.MemorySwappiness != nil && !can.Swappiness {
		warn("Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness " +
			"discarded.")
		r.MemorySwappiness = nil
	}
	if r.MemorySwappiness != nil && (*r.MemorySwappiness < 0 || *r.MemorySwappiness > 100) {
		return refuse.Invalid("Invalid value: %v, valid memory swappiness range is 0-100", *r.MemorySwappiness)
	}
	if r.MemoryReservation > 0 && !can.Reservation {
		warn("Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation " +
			"discarded.")
		r.MemoryReservation = 0
	}
	switch {
	case r.MemoryReservation > 0 && r.MemoryReservation < minMemory:
		return refuse.Invalid("Minimum memory reservation allowed is 6MB")
	case r.Memory > 0 && r.MemoryReservation > 0 && r.Memory < r.MemoryReservation:
		return refuse.Invalid("Minimum memory limit can not be less than memory reservation limit, see usage")
	}
	return nil
}

func oomLimits(r *api.Resources, can *cgroup.Support, warn func(string)) error {
	if r.OomKillDisable == nil {
		if can.OOMKillDisable {
			r.OomKillDisable = new(bool)
		}
		return nil
	}
	disable := *r.OomKillDisable
	if !can.OOMKillDisable {
		if disable {
			warn("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
		}
		r.OomKillDisable = nil
		return nil
	}
	if disable && r.Memory == 0 {
		warn("OOM killer is disabled for the container, but no memory limit is set, this can result in the system running " +
			"out of resources.")
	}
	return nil
}

func cpuLimits(r *api.Resources, can *cgroup.Support, warn func(string)) error {
	switch {
	case r.CPURealtimePeriod < 0 || r.CPURealtimeRuntime < 0:
		return refuse.Invalid("CPU real-time period and runtime cannot be negative")
	case (r.CPURealtimePeriod != 0 || r.CPURealtimeRuntime != 0) && !can.CPURealtime:
		return refuse.Invalid("kernel does not support CPU real-time scheduler")
	case r.CPURealtimePeriod != 0 && r.CPURealtimeRuntime > r.CPURealtimePeriod:
		return refuse.Invalid("cpu real-time runtime cannot be higher than cpu real-time period")
	case r.NanoCPUs > 0 && r.CPUPeriod > 0:
		return refuse.Invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set")
	case r.NanoCPUs > 0 && r.CPUQuota > 0:
		return refuse.Invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
	case r.NanoCPUs > 0 && !can.CPUQuota:
		return refuse.Invalid("NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is " +
			"not mounted")
	case r.NanoCPUs < 0 || r.NanoCPUs > int64(can.CPUs)*1e9:
		return refuse.Invalid("range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available", can.CPUs, can.CPUs)
	case r.CPUShares < 0:
		return refuse.Invalid("invalid CPU shares (%d): value must be a positive integer", r.CPUShares)
	}
	if r.CPUShares > 0 && !can.CPUShares {
		warn("Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.")
		r.CPUShares = 0
	}
	if (r.CPUPeriod != 0 || r.CPUQuota != 0) && !can.CPUQuota {
		warn("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.")
		r.CPUPeriod, r.CPUQuota = 0, 0
	}
	switch {
	case r.CPUPeriod != 0 && (r.CPUPeriod < 1000 || r.CPUPeriod > 1000000):
		return refuse.Invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
	case r.CPUQuota > 0 && r.CPUQuota < 1000:
		return refuse.Invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)")
	}
	if r.CPUPercent > 0 {
		warn("linux does not support CPU percent. Percent discarded.")
		r.CPUPercent = 0
	}
	return nil
}

func cpusetLimits(r *api.Resources, can *cgroup.Support, warn func(string)) error {
	if (r.CpusetCpus != "" || r.CpusetMems != "") && !can.Cpuset {
		warn("Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.")
		r.CpusetCpus, r.CpusetMems = "", ""
	}
	if within, ok := cgroup.Within(r.CpusetCpus, can.Cpus); !ok {
		return refuse.Invalid("Invalid value %s for cpuset cpus: invalid format: %s", r.CpusetCpus, r.CpusetCpus)
	} else if !within {
		return refuse.Invalid("Requested CPUs are not available - requested %s, available: %s", r.CpusetCpus, can.Cpus)
	}
	if within, ok := cgroup.Within(r.CpusetMems, can.Mems); !ok {
		return refuse.Invalid("Invalid value %s for cpuset mems: invalid format: %s", r.CpusetMems, r.CpusetMems)
	} else if !within {
		return refuse.Invalid("Requested memory nodes are not available - requested %s, available: %s", r.CpusetMems,
			can.Mems)
	}
	return nil
}

func blkioLimits(r *api.Resources, can *cgroup.Support, warn func(string)) error {
	if r.BlkioWeight > 0 && !can.BlkioWeight {
		warn("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.")
		r.BlkioWeight = 0
	}
	switch {
	case r.BlkioWeight > 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000):
		return refuse.Invalid("Range of blkio weight is from 10 to 1000")
	case r.IOMaximumBandwidth != 0:
		return refuse.Invalid("invalid option: QoS maximum bandwidth configuration is not supported on linux")
	case r.IOMaximumIOps != 0:
		return refuse.Invalid("invalid option: QoS maximum IOPs configuration is not supported on linux")
	}
	if len(r.BlkioWeightDevice) > 0 && !can.BlkioWeightDevice {
		warn("Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.")
		r.BlkioWeightDevice = nil
	}
	for _, limit := range []struct {
		devices *[]*blkiodev.ThrottleDevice
		can     bool
		support string
		dropped string
	}{
		{&r.BlkioDeviceReadBps, can.ReadBps, "BPS Block I/O read limit", "Block I/O BPS read limit"},
		{&r.BlkioDeviceWriteBps, can.WriteBps, "BPS Block I/O write limit", "Block I/O BPS write limit"},
		{&r.BlkioDeviceReadIOps, can.ReadIOps, "IOPS Block read limit", "Block I/O IOPS read limit"},
		{&r.BlkioDeviceWriteIOps, can.WriteIOps, "IOPS Block write limit", "Block I/O IOPS write limit"},
	} {
		if len(*limit.devices) > 0 && !limit.can {
			warn("Your kernel does not support " + limit.support + " or the cgroup is not mounted. " + limit.dropped +
				" discarded.")
			*limit.devices = nil
		}
	}
	return nil
}
