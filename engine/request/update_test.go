package request

import (
	"testing"

	"github.com/moby/moby/api/types/blkiodev"
	api "github.com/moby/moby/api/types/container"
)

// TestUpdateDevices: an update replaces the lists of devices that it has, and leaves the others.
func TestUpdateDevices(t *testing.T) {
	one := func(rate uint64) []*blkiodev.ThrottleDevice {
		return []*blkiodev.ThrottleDevice{{Path: "/dev/x", Rate: rate}}
	}
	h := api.HostConfig{Resources: api.Resources{BlkioDeviceReadBps: one(1), BlkioDeviceWriteBps: one(2)}}
	u := api.UpdateConfig{Resources: api.Resources{
		BlkioDeviceReadBps: one(3), BlkioDeviceReadIOps: one(4), BlkioDeviceWriteIOps: one(5), BlkioDeviceWriteBps: []*blkiodev.ThrottleDevice{},
		BlkioWeightDevice: []*blkiodev.WeightDevice{{Path: "/dev/x", Weight: 6}},
	}}
	if err := Update(&h, &u); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]struct {
		list []*blkiodev.ThrottleDevice
		want uint64
	}{"read": {h.BlkioDeviceReadBps, 3}, "write": {h.BlkioDeviceWriteBps, 2}, "reads": {h.BlkioDeviceReadIOps, 4}, "writes": {h.BlkioDeviceWriteIOps, 5}} {
		if len(got.list) != 1 || got.list[0].Rate != got.want {
			t.Errorf("%s: %v, want a rate of %d", name, got.list, got.want)
		}
	}
	if len(h.BlkioWeightDevice) != 1 || h.BlkioWeightDevice[0].Weight != 6 {
		t.Errorf("weights: %v", h.BlkioWeightDevice)
	}
}

// TestUpdatedMemory: a limit of memory and swap that is already set must hold the new limit of memory, unless it is none.
func TestUpdatedMemory(t *testing.T) {
	for _, row := range []struct {
		memory, swap, newMemory, newSwap int64
		conflict                         bool
	}{
		{64, 128, 0, 0, false}, {64, 128, 100, 0, false}, {64, 128, 200, 0, true}, {64, 128, 200, 400, false},
		{64, -1, 0, 0, false}, {64, -1, 200, 0, false}, {0, 0, 200, 0, true}, {0, 0, 0, 0, false},
	} {
		h := api.HostConfig{Resources: api.Resources{Memory: row.memory, MemorySwap: row.swap}}
		err := Update(&h, &api.UpdateConfig{Resources: api.Resources{Memory: row.newMemory, MemorySwap: row.newSwap}})
		if (err != nil) != row.conflict {
			t.Errorf("%+v: %v", row, err)
		}
	}
}
