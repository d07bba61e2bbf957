package spec

import (
	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"box/engine/refuse"
)

// defaultPeriod is the kernel's scheduling period for CPU quotas in microseconds.
const defaultPeriod = 100_000

// Resources converts the limits in r. What r leaves out is nil, and not changed by an update. A device that does not
// exist is an error.
func Resources(r *container.Resources) (*specs.LinuxResources, error) {
	io, err := blockIO(r)
	return &specs.LinuxResources{
		Memory:  memory(r),
		CPU:     cpu(r),
		Pids:    pids(r),
		BlockIO: io,
	}, err
}

func memory(r *container.Resources) *specs.LinuxMemory {
	m := specs.LinuxMemory{DisableOOMKiller: r.OomKillDisable}
	if r.Memory > 0 {
		m.Limit = &r.Memory
	}
	if r.MemoryReservation > 0 {
		m.Reservation = &r.MemoryReservation
	}
	if r.MemorySwap != 0 {
		m.Swap = &r.MemorySwap
	}
	if r.MemorySwappiness != nil && *r.MemorySwappiness >= 0 {
		n := uint64(*r.MemorySwappiness)
		m.Swappiness = &n
	}
	if m == (specs.LinuxMemory{}) {
		return nil
	}
	return &m
}

func cpu(r *container.Resources) *specs.LinuxCPU {
	c := specs.LinuxCPU{Cpus: r.CpusetCpus, Mems: r.CpusetMems}
	if r.CPUShares != 0 {
		n := uint64(max(r.CPUShares, 2)) // the kernel's smallest
		c.Shares = &n
	}
	if r.NanoCPUs > 0 {
		period := uint64(defaultPeriod)
		quota := r.NanoCPUs * defaultPeriod / 1_000_000_000
		c.Period, c.Quota = &period, &quota
	}
	if r.CPUPeriod != 0 {
		n := uint64(r.CPUPeriod)
		c.Period = &n
	}
	if r.CPUQuota != 0 {
		c.Quota = &r.CPUQuota
	}
	if r.CPURealtimePeriod != 0 {
		n := uint64(r.CPURealtimePeriod)
		c.RealtimePeriod = &n
	}
	if r.CPURealtimeRuntime != 0 {
		c.RealtimeRuntime = &r.CPURealtimeRuntime
	}
	if c == (specs.LinuxCPU{}) {
		return nil
	}
	return &c
}

// pids converts the limit of processes; 0 or less means none.
func pids(r *container.Resources) *specs.LinuxPids {
	if r.PidsLimit == nil {
		return nil
	}
	n := *r.PidsLimit
	if n <= 0 {
		n = -1
	}
	return &specs.LinuxPids{Limit: &n}
}

func blockIO(r *container.Resources) (*specs.LinuxBlockIO, error) {
	b := &specs.LinuxBlockIO{}
	if r.BlkioWeight != 0 {
		b.Weight = &r.BlkioWeight
	}
	used := b.Weight != nil || len(r.BlkioWeightDevice) > 0
	for _, w := range r.BlkioWeightDevice {
		d := specs.LinuxWeightDevice{Weight: &w.Weight}
		var err error
		if d.Major, d.Minor, err = deviceNumber(w.Path); err != nil {
			return nil, err
		}
		b.WeightDevice = append(b.WeightDevice, d)
	}
	for _, t := range []struct {
		from []*blkiodev.ThrottleDevice
		to   *[]specs.LinuxThrottleDevice
	}{
		{r.BlkioDeviceReadBps, &b.ThrottleReadBpsDevice},
		{r.BlkioDeviceWriteBps, &b.ThrottleWriteBpsDevice},
		{r.BlkioDeviceReadIOps, &b.ThrottleReadIOPSDevice},
		{r.BlkioDeviceWriteIOps, &b.ThrottleWriteIOPSDevice},
	} {
		used = used || len(t.from) > 0
		for _, from := range t.from {
			d := specs.LinuxThrottleDevice{Rate: from.Rate}
			var err error
			if d.Major, d.Minor, err = deviceNumber(from.Path); err != nil {
				return nil, err
			}
			*t.to = append(*t.to, d)
		}
	}
	if !used {
		return nil, nil
	}
	return b, nil
}

func deviceNumber(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, refuse.Invalid("stat %s: %v", path, err)
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}
