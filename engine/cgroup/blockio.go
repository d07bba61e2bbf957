package cgroup

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// blkio: weights have other names where the BFQ scheduler gives them.
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

// throttle is one kind of limit of reads and writes, with its name on each version.
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

// io is blkio on the unified tree. Weights are BFQ's where that is the scheduler, else in another scale; those of
// single devices are left out where BFQ cannot have them (before Linux 5.4 it shows one number).
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

// ioWeight maps the weights of blkio, 10 to 1000, to those of io, 1 to 10000.
func ioWeight(blkio int) int { return 1 + (max(blkio, 10)-10)*9999/990 }
