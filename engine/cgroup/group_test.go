package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func ptr[T any](v T) *T { return &v }

// host returns the trees of this host, with a parent for one test's groups. It skips the test if v1 lacks a
// controller.
func host(t testing.TB, controllers ...string) (*Hierarchies, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	h, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range controllers {
		if _, ok := h.find(c); h.unified || !ok {
			t.Skipf("no controller %s of v1", c)
		}
	}
	parent := fmt.Sprintf("/boxtest-%d", os.Getpid())
	t.Cleanup(func() {
		if err := h.Open(parent).Delete(); err != nil {
			t.Error(err)
		}
	})
	return h, parent
}

func create(t testing.TB, h *Hierarchies, path string, r *specs.LinuxResources) *Group {
	t.Helper()
	g, err := h.Create(path, r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// holds compares files of a group, each in its controller's tree.
func holds(t testing.TB, g *Group, files map[string]string) {
	t.Helper()
	for file, want := range files {
		controller, _, _ := strings.Cut(file, ".")
		m, _ := g.h.find(controller)
		got, err := read(m.dir + g.path + "/" + file)
		if strings.TrimSpace(got) != want || err != nil {
			t.Errorf("%s is %q, not %q: %v", file, got, want, err)
		}
	}
}

// shell returns a shell that accepts two-digit file descriptors, which dash does not.
func shell() string {
	if sh, err := exec.LookPath("bash"); err == nil {
		return sh
	}
	return "sh"
}

// inside starts a program in the group that runs until its input ends.
func inside(t testing.TB, g *Group, script string) (cmd *exec.Cmd, end func()) {
	t.Helper()
	procs, err := g.Procs()
	if err != nil {
		t.Fatal(err)
	}
	enter := ""
	for i, d := range procs {
		defer d.Close()
		enter += fmt.Sprintf("echo 0 >&%d; ", i+3)
		if flags, err := unix.FcntlInt(d.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s is inherited: %v", d.Name(), err)
		}
	}
	cmd = exec.Command(shell(), "-c", enter+"echo in; "+script)
	cmd.ExtraFiles = procs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	return cmd, func() { in.Close(); _ = cmd.Wait() }
}

func TestCreateV1(t *testing.T) {
	h, parent := host(t, "memory", "cpu", "cpuset", "pids", "devices")
	g := create(t, h, parent+"/deep/below/one", &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(96 << 20)),
			Reservation: ptr(int64(32 << 20)), Swappiness: ptr(uint64(10)), DisableOOMKiller: ptr(true)},
		CPU:  &specs.LinuxCPU{Shares: ptr(uint64(300)), Period: ptr(uint64(50000)), Quota: ptr(int64(20000)), Cpus: "0"},
		Pids: &specs.LinuxPids{Limit: ptr(int64(20))},
		Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}, rule(true, "c", 1, 3, "rw"), rule(true, "c", 1, 3, "m"),
			rule(true, "b", -1, -1, "m")},
	})
	holds(t, g, map[string]string{
		"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "100663296",
		"memory.soft_limit_in_bytes": "33554432", "memory.swappiness": "10",
		"cpu.shares": "300", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "20000", "cpuset.cpus": "0", "pids.max": "20",
		"devices.list": "c 1:3 rwm\nb *:* m",
	})
	m, _ := h.find("cpuset")
	if root, err := read(m.dir + "/cpuset.mems"); err != nil {
		t.Error(err)
	} else {
		holds(t, g, map[string]string{"cpuset.mems": strings.TrimSpace(root)})
	}

	// Raise and lower both limits of memory; what is not named stays.
	for _, row := range []struct{ limit, swap, wantLimit, wantSwap int64 }{
		{200 << 20, 300 << 20, 200 << 20, 300 << 20}, {50 << 20, 60 << 20, 50 << 20, 60 << 20},
		{40 << 20, 0, 40 << 20, 60 << 20}, {0, 80 << 20, 40 << 20, 80 << 20},
		{500 << 20, -1, 500 << 20, unlimited}, {-1, 0, unlimited, unlimited},
	} {
		if err := g.Update(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &row.limit,
			Swap: &row.swap}}); err != nil {
			t.Errorf("%+v: %v", row, err)
		}
		holds(t, g, map[string]string{"memory.limit_in_bytes": strconv.FormatInt(row.wantLimit, 10),
			"memory.memsw.limit_in_bytes": strconv.FormatInt(row.wantSwap, 10)})
	}
	// Set a period that is too short for the previous quota.
	update(t, g, &specs.LinuxCPU{Period: ptr(uint64(1000)), Quota: ptr(int64(1000))})
	update(t, g, &specs.LinuxCPU{Period: ptr(uint64(1000000)), Quota: ptr(int64(900000))})
	holds(t, g, map[string]string{"cpu.cfs_period_us": "1000000", "cpu.cfs_quota_us": "900000", "cpu.shares": "300",
		"devices.list": "c 1:3 rwm\nb *:* m"})

	paths, err := g.Paths()
	if want := "/sys/fs/cgroup/memory" + g.path; err != nil || paths["memory"] != want || paths["pids"] == "" {
		t.Errorf("%v, %v", paths, err)
	}
	if err := g.Delete(); err != nil {
		t.Error(err)
	}
	if err := g.Delete(); err != nil {
		t.Error("again:", err)
	}
}

// unlimited is what v1 makes of -1: the largest number of whole pages.
const unlimited = 1<<63 - 4096

func update(t testing.TB, g *Group, c *specs.LinuxCPU) {
	t.Helper()
	if err := g.Update(&specs.LinuxResources{CPU: c}); err != nil {
		t.Error(err)
	}
}

func TestCreateFails(t *testing.T) {
	h, parent := host(t, "memory", "cpu", "cpuset", "devices")
	for _, row := range []struct {
		r    specs.LinuxResources
		want string
	}{
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4000"}}, "set cpuset.cpus of " + parent + "/bad to 4000: "},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(1))}},
			"set cpu.cfs_period_us of " + parent + "/bad to 1: invalid argument"},
		{specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(300000))}}, "the maximum allowed cpu-shares is 262144"},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(101))}}, "valid range is 0-100"},
		{specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(32 << 20))}},
			"set memory."},
		{specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "7MB", Limit: 1}}},
			"set hugetlb.7MB.limit_in_bytes of "},
		{specs.LinuxResources{Unified: map[string]string{"memory.high": "1"}}, "unified"},
		{specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "x"}}}, "rule 0 for devices: access"},
	} {
		if _, err := h.Create(parent+"/bad", &row.r); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.want, err)
		}
		if left, _ := filepath.Glob(Root + "/*" + parent + "/bad"); left != nil {
			t.Error("left:", left)
		}
	}
	for _, root := range []string{"", "/", "/a/.."} {
		if _, err := h.Create(root, nil); !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", root, err)
		}
		if err := h.Open(root).Delete(); !errdefs.IsInvalidArgument(err) {
			t.Errorf("delete %q: %v", root, err)
		}
	}
}

func TestProcesses(t *testing.T) {
	h, parent := host(t, "memory", "cpuset", "devices", "freezer")
	g := create(t, h, parent+"/one", nil)
	cmd, end := inside(t, g, "read x")
	defer end()
	pid := cmd.Process.Pid
	for _, m := range h.mounts {
		if m.controllers == nil {
			continue
		}
		if list, err := pidsIn(m.dir + g.path); err != nil || !slices.Equal(list, []int{pid}) {
			t.Errorf("%s: %v, not %d: %v", m.dir, list, pid, err)
		}
		// A program of the container makes groups.
		if err := os.MkdirAll(m.dir+g.path+"/own/one", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := h.find("devices")
	if err := write(m.dir+g.path+"/own/one/cgroup.procs", strconv.Itoa(pid)); err != nil {
		t.Fatal(err)
	}
	if list, err := g.Pids(); err != nil || !slices.Equal(list, []int{pid}) {
		t.Errorf("%v, %v", list, err)
	}
	if err := g.Delete(); !errdefs.IsConflict(err) {
		t.Errorf("delete with a process: %v", err)
	}
	if _, err := h.Create(g.path, nil); !errdefs.IsConflict(err) {
		t.Errorf("create over a process: %v", err)
	}
	if list, err := g.Pids(); err != nil || !slices.Equal(list, []int{pid}) {
		t.Errorf("after that: %v, %v", list, err)
	}
	end()
	// A group left from before, with limits, is replaced.
	if err := h.Open(g.path).Update(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(8 << 20))}}); err != nil {
		t.Fatal(err)
	}
	holds(t, create(t, h, g.path, nil), map[string]string{"memory.limit_in_bytes": strconv.Itoa(unlimited)})
	if err := g.Delete(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(Root + "/*" + g.path); left != nil {
		t.Error("left:", left)
	}
	if _, err := g.Pids(); !errdefs.IsNotFound(err) {
		t.Errorf("pids of none: %v", err)
	}
}

// BenchmarkCreate measures the groups of one container, of which `docker run` pays the first half.
func BenchmarkCreate(b *testing.B) {
	h, parent := host(b, "memory", "cpuset", "devices")
	create(b, h, parent, nil)
	r := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(128 << 20))}}
	r.Devices = append(r.Devices, specs.LinuxDeviceCgroup{Access: "rwm"})
	for i := range int64(12) {
		r.Devices = append(r.Devices, rule(true, "c", 1, i, "rwm"))
	}
	for i := 0; b.Loop(); i++ {
		g := create(b, h, fmt.Sprintf("%s/%d", parent, i), r)
		procs, err := g.Procs()
		if err != nil {
			b.Fatal(err)
		}
		for _, d := range procs {
			d.Close()
		}
		if err := g.Delete(); err != nil {
			b.Fatal(err)
		}
	}
}
