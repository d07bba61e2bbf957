package cgroup

import (
	"strconv"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestOOMKills(t *testing.T) {
	h, parent := host(t, "memory", "cpuset", "devices")
	g := create(t, h, parent+"/hungry",
		&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(16 << 20)), Swap: ptr(int64(16 << 20))}})
	if n := g.OOMKills(); n != 0 {
		t.Errorf("%d kills of none", n)
	}
	_, end := inside(t, g, "tail /dev/zero")
	end()
	if n := g.OOMKills(); n != 1 {
		t.Errorf("%d kills", n)
	}
	if err := g.Delete(); err != nil {
		t.Error(err)
	}
	if n := g.OOMKills(); n != 0 {
		t.Errorf("%d kills of what is gone", n)
	}
}

func TestLimitBelowUse(t *testing.T) {
	h, parent := host(t, "memory", "cpuset", "devices")
	g := create(t, h, parent+"/full", &specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(0))}})
	_, end := inside(t, g, `x=$(head -c 20000000 /dev/zero | tr '\0' x); read y`)
	defer end()
	m, _ := h.find("memory")
	for used := 0; used < 20<<20; time.Sleep(time.Millisecond) {
		text, err := read(m.dir + g.path + "/memory.usage_in_bytes")
		if err != nil {
			t.Fatal(err)
		}
		used, _ = strconv.Atoi(strings.TrimSpace(text))
	}
	err := g.Update(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(4096))}})
	if err == nil || !strings.HasPrefix(err.Error(), "unable to set memory limit to 4096 (current usage: ") {
		t.Error(err)
	}
}
