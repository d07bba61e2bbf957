package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	fsmount "box/fs/mount"
)

// hostV2 returns this host's v2 tree, possibly beside v1. It requires no controllers, so that the tree only changes
// by the groups made in it.
func hostV2(t testing.TB) (*Hierarchies, string) {
	t.Helper()
	h, parent := host(t)
	m, ok := h.find("")
	if !ok {
		t.Skip("no v2 tree is mounted")
	}
	return unifiedAt(m.dir, nil), parent
}

func TestLimitsV2(t *testing.T) {
	type now = map[string]string
	for _, row := range []struct {
		name    string
		r       specs.LinuxResources
		current now
		want    string // the settings, or an error
	}{
		{"nothing", specs.LinuxResources{}, nil, ""},
		{"zeroes", specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(0)), Swap: ptr(int64(0))},
			CPU: &specs.LinuxCPU{Quota: ptr(int64(0)), Shares: ptr(uint64(0))}}, nil, ""},
		{"memory", mem(64, 96, 16), nil, "memory.swap.max=32 memory.max=64 memory.low=16"},
		{"no swap", mem(64, 64, 0), nil, "memory.swap.max=0? memory.max=64"},
		{"swap without limit", mem(64, -1, -1), nil, "memory.swap.max=max? memory.max=64 memory.low=max"},
		{"all unlimited", mem(-1, 0, 0), nil, "memory.swap.max=max? memory.max=max"},
		{"memory unlimited", mem(-1, 96, 0), nil, "memory.swap.max=96 memory.max=max"},
		{"memory alone", mem(64, 0, 0), now{"memory.max": "max", "memory.swap.max": "max"}, "memory.max=64"},
		{"more memory", mem(80, 0, 0), now{"memory.max": "64", "memory.swap.max": "32"}, "memory.swap.max=16 memory.max=80"},
		{"more memory than both", mem(100, 0, 0), now{"memory.max": "64", "memory.swap.max": "32"},
			"memory+swap limit should be >= memory limit"},
		{"swap alone", mem(0, 100, 0), now{"memory.max": "64"}, "memory.swap.max=36"},
		{"swap without memory", mem(0, 100, 0), now{"memory.max": "max"}, "unable to set swap limit without memory limit"},
		{"less than memory", mem(64, 32, 0), nil, "memory+swap limit should be >= memory limit"},
		{"v1 alone", specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(3)), DisableOOMKiller: ptr(true)},
			CPU: &specs.LinuxCPU{RealtimePeriod: ptr(uint64(1)), RealtimeRuntime: ptr(int64(1))}}, nil, ""},
		{"cpu", specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(512)), Quota: ptr(int64(5)),
			Period: ptr(uint64(10)), Cpus: "0-1", Mems: "0", Burst: ptr(uint64(3)), Idle: ptr(int64(1))}},
			now{"cpu.max": "x y"}, "cpu.idle=1 cpu.weight=59 cpu.max.burst=3 cpu.max=5_10 cpuset.cpus=0-1 cpuset.mems=0"},
		{"quota", specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(5))}}, now{"cpu.max": "max 7"}, "cpu.max=5_7"},
		{"no quota", specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(-1))}}, nil, "cpu.max=max_100000"},
		{"period", specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(9))}}, now{"cpu.max": "5 7"}, "cpu.max=5_9"},
		{"pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(9))}}, nil, "pids.max=9"},
		{"any pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, nil, "pids.max=max"},
		{"no pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}, nil, "pids.max=1"},
		{"io", specs.LinuxResources{BlockIO: blockIO()}, nil,
			"io.weight=2930 io.max=8:0_rbps=1 io.max=8:0_wbps=2 io.max=8:0_riops=3 io.max=8:0_wiops=0"},
		{"bfq", specs.LinuxResources{BlockIO: blockIO()}, now{"io.bfq.weight": "default 100"},
			"io.bfq.weight=300 io.bfq.weight=8:0_200\\n io.max=8:0_rbps=1 io.max=8:0_wbps=2 io.max=8:0_riops=3 " +
				"io.max=8:0_wiops=0"},
		{"old bfq", specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(300)),
			WeightDevice: blockIO().WeightDevice}}, now{"io.bfq.weight": "100"}, "io.bfq.weight=300"},
		{"hugetlb", specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4}}}, nil,
			"hugetlb.2MB.max=4 hugetlb.2MB.rsvd.max=4?"},
		{"unified", specs.LinuxResources{Unified: now{"memory.high": "5", "io.max": "8:0 rbps=1\n8:16 rbps=2"}}, nil,
			"io.max=8:0_rbps=1\\n io.max=8:16_rbps=2 memory.high=5"},
		{"outside", specs.LinuxResources{Unified: now{"../memory.high": "5"}}, nil, "is not CONTROLLER.PARAMETER"},
		{"no parameter", specs.LinuxResources{Unified: now{"memory": "5"}}, nil, "is not CONTROLLER.PARAMETER"},
	} {
		l, err := limitsV2(&row.r, func(file string) string { return row.current[file] })
		if got := text(l); err == nil && got != row.want || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %s, not %s (%v)", row.name, got, row.want, err)
		}
	}
}

func TestLimitsV1(t *testing.T) {
	for _, row := range []struct {
		name string
		r    specs.LinuxResources
		want string
	}{
		{"io", specs.LinuxResources{BlockIO: blockIO()},
			"blkio.weight|blkio.bfq.weight=300 blkio.weight_device|blkio.bfq.weight_device=8:0_200 " +
				"blkio.throttle.read_bps_device=8:0_1 blkio.throttle.write_bps_device=8:0_2 " +
				"blkio.throttle.read_iops_device=8:0_3 " +
				"blkio.throttle.write_iops_device=8:0_0"},
		{"real time", specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimePeriod: ptr(uint64(2)),
			RealtimeRuntime: ptr(int64(1))}}, "cpu.rt_period_us=2 cpu.rt_runtime_us=1"},
		{"burst", specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: ptr(uint64(0)), Idle: ptr(int64(1))}},
			"cpu.cfs_burst_us=0? cpu.idle=1"},
		{"hugetlb", specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4}}},
			"hugetlb.2MB.limit_in_bytes=4 hugetlb.2MB.rsvd.limit_in_bytes=4?"},
		{"unlimited", mem(-1, 0, 0), "memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1?"},
		{"no pids", specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, "pids.max=max"},
	} {
		if l, err := limitsV1(&row.r); err != nil || text(l) != row.want {
			t.Errorf("%s: %s, not %s (%v)", row.name, text(l), row.want, err)
		}
	}
}

func text(list limits) string {
	var words []string
	for _, l := range list {
		w := l.file
		if l.instead != "" {
			w += "|" + l.instead
		}
		w += "=" + strings.NewReplacer(" ", "_", "\n", "\\n").Replace(l.value)
		if l.spare {
			w += "?"
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

func mem(limit, swap, reservation int64) specs.LinuxResources {
	return specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap, Reservation: &reservation}}
}

func blockIO() *specs.LinuxBlockIO {
	device := func(rate uint64) []specs.LinuxThrottleDevice {
		d := specs.LinuxThrottleDevice{Rate: rate}
		d.Major = 8
		return []specs.LinuxThrottleDevice{d}
	}
	w := specs.LinuxWeightDevice{Weight: ptr(uint16(200))}
	w.Major = 8
	return &specs.LinuxBlockIO{Weight: ptr(uint16(300)), WeightDevice: []specs.LinuxWeightDevice{w},
		ThrottleReadBpsDevice: device(1), ThrottleWriteBpsDevice: device(2), ThrottleReadIOPSDevice: device(3),
		ThrottleWriteIOPSDevice: device(0)}
}

func TestCPUWeight(t *testing.T) {
	for shares, want := range map[uint64]int{0: 1, 2: 1, 3: 2, 512: 59, 1024: 100, 2048: 174, 262144: 10000,
		1 << 40: 10000} {
		if got := cpuWeight(shares); got != want {
			t.Errorf("%d shares weigh %d, not %d", shares, got, want)
		}
	}
}

// TestEnable uses plain files as the tree: every parent passes the controllers down, and a missing controller does
// not matter until a limit needs it.
func TestEnable(t *testing.T) {
	root := t.TempDir()
	g := unifiedAt(root, []string{"cpu", "memory"}).Open("/docker/one")
	for file, value := range map[string]string{
		"cgroup.subtree_control": "", "docker/cgroup.subtree_control": "", "docker/one/cgroup.subtree_control": "",
		"docker/one/cgroup.controllers": "cpu\n",
		"docker/one/cgroup.type":        "domain\n", "docker/one/memory.swap.max": "", "docker/one/memory.max": "",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.enable(&specs.LinuxResources{}); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"cgroup": "+cpu +memory", "docker/cgroup": "+cpu +memory",
		"docker/one/cgroup": ""} {
		if got, err := os.ReadFile(filepath.Join(root, file+".subtree_control")); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", file, got, err)
		}
	}
	r := mem(64, 96, 0)
	if err := g.Update(&r); err != nil {
		t.Error(err)
	}
	if now := g.current("memory.max") + " " + g.current("memory.swap.max"); now != "64 32" {
		t.Error(now)
	}
	r.CPU = &specs.LinuxCPU{Quota: ptr(int64(5000))}
	if err := g.Update(&r); err == nil ||
		!strings.Contains(err.Error(), "set cpu.max of /docker/one to 5000 100000: no such file") {
		t.Error(err)
	}
	// Below a threaded group:
	if err := os.WriteFile(root+"/docker/one/cgroup.type", []byte("domain invalid\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.enable(&r); err == nil ||
		!strings.Contains(err.Error(), "is domain invalid: it cannot have limits of memory") {
		t.Error(err)
	}
	if err := g.enable(&specs.LinuxResources{}); err != nil || !strings.HasPrefix(g.current("cgroup.type"), "threaded") {
		t.Errorf("%q, %v", g.current("cgroup.type"), err)
	}
}

func TestTreesOf(t *testing.T) {
	var all []*fsmount.Info
	for _, row := range [][3]string{
		{"tmpfs", "/sys/fs/cgroup", "rw,mode=755"},
		{"cgroup", "/sys/fs/cgroup/cpu,cpuacct", "rw,cpu,cpuacct"},
		{"cgroup", "/sys/fs/cgroup/systemd", "rw,xattr,release_agent=/lib/x,name=systemd"},
		{"cgroup", "/sys/fs/cgroup/elogind", "rw,name=elogind"},
		{"cgroup2", "/sys/fs/cgroup/unified", "rw,nsdelegate"},
		{"cgroup2", "/sys/fs/cgroup/again", "rw"},
		{"cgroup", "/mnt/memory", "rw,memory"},
		{"cgroup", "/sys/fs/cgroup/cpu", "rw,cpu,cpuacct"},
		{"tmpfs", "/sys/fs/cgroup/memory", "rw,memory"},
	} {
		all = append(all, &fsmount.Info{FSType: row[0], Mountpoint: row[1], VFSOptions: row[2]})
	}
	got := fmt.Sprint(treesOf(all))
	want := "[{/sys/fs/cgroup/cpu,cpuacct false [cpu cpuacct]} {/sys/fs/cgroup/systemd false [name=systemd]} " +
		"{/sys/fs/cgroup/elogind false []} " +
		"{/sys/fs/cgroup/unified true []} {/sys/fs/cgroup/cpu false []}]"
	if got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
