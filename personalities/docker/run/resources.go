package run

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/blkiodev"
	"github.com/moby/moby/api/types/container"

	"box/personalities/cmd"
)

// resources makes the limits of the request. A zero value means no limit.
func (l *limitFlags) resources(p *cmd.Parsed, limits []string) (r container.Resources, err error) {
	r = container.Resources{
		CgroupParent: l.CgroupParent, Memory: int64(l.Memory), MemoryReservation: int64(l.MemoryReservation),
		MemorySwap: int64(l.MemorySwap),
		NanoCPUs:   int64(l.CPUs), CPUShares: l.CPUShares, CPUPeriod: l.CPUPeriod, CPUQuota: l.CPUQuota,
		CPURealtimePeriod: l.CPURtPeriod, CPURealtimeRuntime: l.CPURtRuntime, CpusetCpus: l.CpusetCPUs,
		CpusetMems:  l.CpusetMems,
		BlkioWeight: l.BlkioWeight, DeviceCgroupRules: l.DeviceCgroupRule,
		CPUCount: int64(l.CPUCount), CPUPercent: int64(l.CPUPercent),
		IOMaximumIOps: l.IoMaxiops, IOMaximumBandwidth: uint64(l.IoMaxbandwidth),
		// empty instead of null, because inspect shows them as they were sent
		Devices: []container.DeviceMapping{}, BlkioWeightDevice: []*blkiodev.WeightDevice{},
		BlkioDeviceReadBps: []*blkiodev.ThrottleDevice{}, BlkioDeviceWriteBps: []*blkiodev.ThrottleDevice{},
		BlkioDeviceReadIOps: []*blkiodev.ThrottleDevice{}, BlkioDeviceWriteIOps: []*blkiodev.ThrottleDevice{},
	}
	r.MemorySwappiness = &l.MemorySwappiness
	r.OomKillDisable = &l.OOMKillDisable
	r.PidsLimit = &l.PidsLimit
	for _, spec := range l.Device {
		m, err := deviceMapping(spec)
		if err != nil {
			return r, err
		}
		r.Devices = append(r.Devices, m)
	}
	if r.Ulimits, err = ulimits(limits); err != nil {
		return r, err
	}
	for _, spec := range l.BlkioWeightDevice {
		w, err := weightDevice(spec)
		if err != nil {
			return r, err
		}
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, w)
	}
	return r, l.throttles(&r)
}

// throttles parses the four --device-* rates.
func (l *limitFlags) throttles(r *container.Resources) error {
	for _, t := range []struct {
		specs []string
		rate  func(string) (*blkiodev.ThrottleDevice, error)
		to    *[]*blkiodev.ThrottleDevice
	}{
		{l.DeviceReadBps, byteRate, &r.BlkioDeviceReadBps},
		{l.DeviceWriteBps, byteRate, &r.BlkioDeviceWriteBps},
		{l.DeviceReadIOps, countRate, &r.BlkioDeviceReadIOps},
		{l.DeviceWriteIOps, countRate, &r.BlkioDeviceWriteIOps},
	} {
		for _, spec := range t.specs {
			d, err := t.rate(spec)
			if err != nil {
				return err
			}
			*t.to = append(*t.to, d)
		}
	}
	return nil
}

// byteRate parses PATH:RATE with a rate such as 1mb.
func byteRate(spec string) (*blkiodev.ThrottleDevice, error) { return throttleDevice(spec, true) }

// countRate parses PATH:RATE with a rate in operations.
func countRate(spec string) (*blkiodev.ThrottleDevice, error) { return throttleDevice(spec, false) }

// throttleDevice parses PATH:RATE; a rate of bytes may have a unit.
func throttleDevice(spec string, bytes bool) (*blkiodev.ThrottleDevice, error) {
	path, text, ok := strings.Cut(spec, ":")
	if !ok || path == "" || text == "" {
		return nil, fmt.Errorf("bad format: %s", spec)
	}
	if !strings.HasPrefix(path, "/dev/") {
		return nil, fmt.Errorf("bad format for device path: %s", spec)
	}
	var rate int64
	var err error
	if bytes {
		rate, err = units.RAMInBytes(text)
	} else {
		rate, err = strconv.ParseInt(text, 10, 64)
	}
	if err != nil || rate < 0 {
		return nil, fmt.Errorf("invalid rate for device: %s. The correct format is <device-path>:<number>, and the number "+
			"must be positive", spec)
	}
	return &blkiodev.ThrottleDevice{Path: path, Rate: uint64(rate)}, nil
}

// weightDevice parses PATH:WEIGHT.
func weightDevice(spec string) (*blkiodev.WeightDevice, error) {
	path, text, ok := strings.Cut(spec, ":")
	if !ok || path == "" || text == "" {
		return nil, fmt.Errorf("bad format: %s", spec)
	}
	if !strings.HasPrefix(path, "/dev/") {
		return nil, fmt.Errorf("bad format for device path: %s", spec)
	}
	weight, err := strconv.ParseUint(text, 10, 16)
	if err != nil || (weight > 0 && (weight < 10 || weight > 1000)) {
		return nil, fmt.Errorf("invalid weight for device: %s", spec)
	}
	return &blkiodev.WeightDevice{Path: path, Weight: uint16(weight)}, nil
}
