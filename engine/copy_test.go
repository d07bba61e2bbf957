package engine

import (
	"testing"

	api "github.com/moby/moby/api/types/container"

	"box/engine/request"
)

func TestRooted(t *testing.T) {
	for _, row := range []struct{ path, rooted, base string }{
		{"/", "/", "/"}, {".", "/.", "."}, {"a", "/a", "a"}, {"/a/", "/a/", "a"}, {"/a/.", "/a/.", "."}, {"a/../b//c", "/b/c", "c"},
		{"../../etc", "/etc", "etc"}, {"/a/..", "/", "/"}, {"//", "/", "/"}, {"./", "/.", "."},
	} {
		if got := rooted(row.path); got != row.rooted || baseOf(got) != row.base {
			t.Errorf("%q: %q, %q; want %q, %q", row.path, got, baseOf(got), row.rooted, row.base)
		}
	}
}

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
		if err := request.Update(h, &row.u); (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
		if h.CPUShares != 7 || row.ok && row.u.Memory != 0 && h.Memory != row.u.Memory || !row.ok && h.Memory != 100 {
			t.Errorf("%s: %+v", name, h.Resources)
		}
	}
	h := have()
	h.AutoRemove = true
	if err := request.Update(h, &api.UpdateConfig{RestartPolicy: api.RestartPolicy{Name: api.RestartPolicyAlways}}); err == nil {
		t.Error("a container that goes when it ends was told to come back")
	}
}

func TestValidPorts(t *testing.T) {
	for v, want := range map[string]bool{"80": true, "80/udp": true, "1-5": true, "5-1": false, "x": false, "": false, "70000": false, "1-2-3": false} {
		if validPorts(v) != want {
			t.Errorf("%q: %v", v, !want)
		}
	}
}
