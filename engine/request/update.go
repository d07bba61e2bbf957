package request

import (
	api "github.com/moby/moby/api/types/container"

	"box/engine/cgroup"
	"box/engine/refuse"
)

// CheckUpdate refuses what a create request refuses. A new limit of swap is checked with the existing limit of memory.
func CheckUpdate(u *api.UpdateConfig, have *api.Resources, can cgroup.Support) ([]string, error) {
	if u.RestartPolicy.Name != "" {
		if err := api.ValidateRestartPolicy(u.RestartPolicy); err != nil {
			return nil, refuse.Invalid("%v", err)
		}
	}
	alone := u.Memory == 0 && u.MemorySwap > 0
	if alone {
		u.Memory = have.Memory
	}
	swap := u.MemorySwap
	warnings, err := Limits(&u.Resources, can)
	if alone {
		u.Memory = 0
	}
	if swap == 0 {
		u.MemorySwap = 0 // where swap cannot be limited nothing is to be said about it
	}
	return warnings, err
}

// Update changes h, by Docker's rules about what may be changed when.
func Update(h *api.HostConfig, u *api.UpdateConfig) error {
	have, want := &h.Resources, &u.Resources
	switch {
	case want.NanoCPUs > 0 && have.CPUPeriod > 0:
		return refuse.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set")
	case want.NanoCPUs > 0 && have.CPUQuota > 0:
		return refuse.Conflict("Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set")
	case want.CPUPeriod > 0 && have.NanoCPUs > 0:
		return refuse.Conflict("Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set")
	case want.CPUQuota > 0 && have.NanoCPUs > 0:
		return refuse.Conflict("Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set")
	case want.Memory != 0 && have.MemorySwap >= 0 && want.Memory > have.MemorySwap && want.MemorySwap == 0:
		return refuse.Conflict("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at " +
			"the same time")
	case u.RestartPolicy.Name != "" && h.AutoRemove && !u.RestartPolicy.IsNone():
		return refuse.Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
	}
	setUnlessZero(&have.BlkioWeight, want.BlkioWeight)
	setUnlessEmpty(&have.BlkioWeightDevice, want.BlkioWeightDevice)
	setUnlessEmpty(&have.BlkioDeviceReadBps, want.BlkioDeviceReadBps)
	setUnlessEmpty(&have.BlkioDeviceWriteBps, want.BlkioDeviceWriteBps)
	setUnlessEmpty(&have.BlkioDeviceReadIOps, want.BlkioDeviceReadIOps)
	setUnlessEmpty(&have.BlkioDeviceWriteIOps, want.BlkioDeviceWriteIOps)
	setUnlessZero(&have.CPUShares, want.CPUShares)
	setUnlessZero(&have.NanoCPUs, want.NanoCPUs)
	setUnlessZero(&have.CPUPeriod, want.CPUPeriod)
	setUnlessZero(&have.CPUQuota, want.CPUQuota)
	setUnlessZero(&have.CPURealtimePeriod, want.CPURealtimePeriod)
	setUnlessZero(&have.CPURealtimeRuntime, want.CPURealtimeRuntime)
	setUnlessZero(&have.CpusetCpus, want.CpusetCpus)
	setUnlessZero(&have.CpusetMems, want.CpusetMems)
	setUnlessZero(&have.Memory, want.Memory)
	setUnlessZero(&have.MemorySwap, want.MemorySwap)
	setUnlessZero(&have.MemoryReservation, want.MemoryReservation)
	if want.PidsLimit != nil {
		have.PidsLimit = want.PidsLimit
	}
	if u.RestartPolicy.Name != "" {
		h.RestartPolicy = u.RestartPolicy
	}
	return nil
}

func setUnlessZero[T comparable](field *T, v T) {
	var zero T
	if v != zero {
		*field = v
	}
}

func setUnlessEmpty[T any](list *[]T, v []T) {
	if len(v) > 0 {
		*list = v
	}
}
