package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestUnified checks, on hosts with v2, that the kernel accepts every limit in its own format.
func TestUnified(t *testing.T) {
	h, parent := host(t)
	if !h.unified {
		t.Skip("the hierarchies are v1's")
	}
	t.Cleanup(func() { _ = h.Open(parent + "/deep").Delete() })
	g := create(t, h, parent+"/deep/one", &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(96 << 20)),
			Reservation: ptr(int64(32 << 20))},
		CPU: &specs.LinuxCPU{Shares: ptr(uint64(512)), Period: ptr(uint64(50000)), Quota: ptr(int64(20000)), Cpus: "0",
			Mems: "0"},
		Pids:    &specs.LinuxPids{Limit: ptr(int64(20))},
		Unified: map[string]string{"memory.high": "50331648"},
		Devices: []specs.LinuxDeviceCgroup{none, rule(true, "c", 1, 3, "rwm")},
	})
	want := map[string]string{
		"memory.max": "67108864", "memory.swap.max": "33554432", "memory.low": "33554432", "memory.high": "50331648",
		"cpu.weight": "59", "cpu.max": "20000 50000",
		"cpuset.cpus": "0", "cpuset.mems": "0", "pids.max": "20",
	}
	holds(t, g, want)
	if err := g.Update(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(80 << 20))},
		CPU: &specs.LinuxCPU{Quota: ptr(int64(-1))}, Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}); err != nil {
		t.Error(err)
	}
	want["memory.max"], want["memory.swap.max"], want["cpu.max"], want["pids.max"] = "83886080", "16777216", "max 50000",
		"max"
	holds(t, g, want)

	cmd, end := inside(t, g, "read x")
	defer end()
	if list, err := g.Pids(); err != nil || !slices.Equal(list, []int{cmd.Process.Pid}) {
		t.Errorf("%v, not %d: %v", list, cmd.Process.Pid, err)
	}
	if err := g.Delete(); !errdefs.IsConflict(err) {
		t.Errorf("delete with a process: %v", err)
	}
	end()
	folder, err := g.Folder()
	if err != nil || folder == nil {
		t.Fatal(folder, err)
	}
	folder.Close()
	if err := os.MkdirAll(h.mounts[0].dir+g.path+"/own/one", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Delete(); err != nil {
		t.Error(err)
	}

	hungry := create(t, h, parent+"/deep/hungry",
		&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(16 << 20)), Swap: ptr(int64(16 << 20))}})
	_, end = inside(t, hungry, "tail /dev/zero")
	end()
	if n := hungry.OOMKills(); n != 1 {
		t.Errorf("%d kills", n)
	}
	if err := hungry.Delete(); err != nil {
		t.Error(err)
	}
	if _, err := h.Create(parent+"/deep/bad", &specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4000"}}); err == nil {
		t.Error("a CPU that is not there")
	}
	if left, _ := filepath.Glob(Root + parent + "/deep/*/"); left != nil {
		t.Error("left:", left)
	}
}
