package cgroup

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// blkio adds the limits of block devices. The files for weights have other names under the BFQ scheduler.
func (l *limits) blkio(b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	if b.Weight != nil && *b.Weight != 0 {
		*l = append(*l, limit{file: "blkio.weight", instead: "blkio.bfq.weight", value: strconv.Itoa(int(*b.Weight))})
	}
	for _, d := range b.WeightDevice {
		if d.Weight != nil && *d.Weight != 0 {
			value := fmt.Sprintf("%d:%d %d", d.Major, d.Minor, *d.Weight)
			*l = append(*l, limit{file: "blkio.weight_device", instead: "blkio.bfq.weight_device", value: value})
		}
	}
	for _, t := range throttles(b) {
		for _, d := range t.devices {
			l.add("blkio.throttle."+t.v1, fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate))
		}
	}
}

// throttle is one kind of limit on reads or writes, with its name in each version.
type throttle struct {
	v1, v2  string
	devices []specs.LinuxThrottleDevice
}

func throttles(b *specs.LinuxBlockIO) []throttle {
	return []throttle{
		{"read_bps_device", "rbps", b.ThrottleReadBpsDevice},
		{"write_bps_device", "wbps", b.ThrottleWriteBpsDevice},
		{"read_iops_device", "riops", b.ThrottleReadIOPSDevice},
		{"write_iops_device", "wiops", b.ThrottleWriteIOPSDevice},
	}
}

// io is blkio for the unified tree. Weights go to BFQ if it is the scheduler, else they are scaled for io.weight.
// Weights of single devices are left out unless BFQ supports them (since Linux 5.4; before, its file shows one
// number).
func (l *limits) io(b *specs.LinuxBlockIO, current func(file string) string) {
	if b == nil {
		return
	}
	const bfq = "io.bfq.weight"
	weights := ""
	if b.Weight != nil && *b.Weight != 0 || len(b.WeightDevice) > 0 {
		weights = current(bfq)
	}
	if b.Weight != nil && *b.Weight != 0 {
		if weights != "" {
			l.add(bfq, strconv.Itoa(int(*b.Weight)))
		} else {
			l.add("io.weight", strconv.Itoa(ioWeight(int(*b.Weight))))
		}
	}
	if _, err := strconv.Atoi(weights); err != nil && weights != "" {
		for _, d := range b.WeightDevice {
			if d.Weight != nil && *d.Weight != 0 {
				l.add(bfq, fmt.Sprintf("%d:%d %d\n", d.Major, d.Minor, *d.Weight))
			}
		}
	}
	for _, t := range throttles(b) {
		for _, d := range t.devices {
			l.add("io.max", fmt.Sprintf("%d:%d %s=%d", d.Major, d.Minor, t.v2, d.Rate))
		}
	}
}

// ioWeight maps weights of blkio, 10 to 1000, to weights of io, 1 to 10000.
func ioWeight(blkio int) int { return 1 + (max(blkio, 10)-10)*9999/990 }
