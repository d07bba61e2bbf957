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
		BlkioDeviceReadBps: one(3), BlkioDeviceReadIOps: one(4), BlkioDeviceWriteIOps: one(5),
		BlkioDeviceWriteBps: []*blkiodev.ThrottleDevice{},
		BlkioWeightDevice:   []*blkiodev.WeightDevice{{Path: "/dev/x", Weight: 6}},
	}}
	if err := Update(&h, &u); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]struct {
		list []*blkiodev.ThrottleDevice
		want uint64
	}{"read": {h.BlkioDeviceReadBps, 3}, "write": {h.BlkioDeviceWriteBps, 2}, "reads": {h.BlkioDeviceReadIOps, 4},
		"writes": {h.BlkioDeviceWriteIOps, 5}} {
		if len(got.list) != 1 || got.list[0].Rate != got.want {
			t.Errorf("%s: %v, want a rate of %d", name, got.list, got.want)
		}
	}
	if len(h.BlkioWeightDevice) != 1 || h.BlkioWeightDevice[0].Weight != 6 {
		t.Errorf("weights: %v", h.BlkioWeightDevice)
	}
}

// TestUpdatedMemory: a limit of memory and swap that is already set must hold the new limit of memory, unless it is
// none.
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

// TestUpdated: what an update says holds, the rest stays, and what is refused changes nothing.
func TestUpdated(t *testing.T) {
	three := int64(3)
	have := func() *api.HostConfig {
		return &api.HostConfig{Resources: api.Resources{Memory: 100, MemorySwap: 200, NanoCPUs: 5, CPUShares: 7}}
	}
	for name, row := range map[string]struct {
		u  api.UpdateConfig
		ok bool
	}{
		"memory within swap": {api.UpdateConfig{Resources: api.Resources{Memory: 150}}, true},
		"memory above swap":  {api.UpdateConfig{Resources: api.Resources{Memory: 250}}, false},
		"both":               {api.UpdateConfig{Resources: api.Resources{Memory: 250, MemorySwap: 300}}, true},
		"period after cpus":  {api.UpdateConfig{Resources: api.Resources{CPUPeriod: 1000}}, false},
		"quota after cpus":   {api.UpdateConfig{Resources: api.Resources{CPUQuota: 1000}}, false},
		"processes":          {api.UpdateConfig{Resources: api.Resources{PidsLimit: &three}}, true},
		"policy":             {api.UpdateConfig{RestartPolicy: api.RestartPolicy{Name: api.RestartPolicyAlways}}, true},
	} {
		h := have()
		if err := Update(h, &row.u); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
		if h.CPUShares != 7 || row.ok && row.u.Memory != 0 && h.Memory != row.u.Memory || !row.ok && h.Memory != 100 {
			t.Errorf("%s: %+v", name, h.Resources)
		}
	}
	h := have()
	h.AutoRemove = true
	if err := Update(h, &api.UpdateConfig{RestartPolicy: api.RestartPolicy{Name: api.RestartPolicyAlways}}); err == nil {
		t.Error("a container that goes when it ends was told to come back")
	}
}
