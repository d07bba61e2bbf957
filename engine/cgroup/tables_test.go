package cgroup

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// tree makes files in a folder that stand for the kernel's.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// content returns a file's content without the newline.
func content(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestCpuset checks that a group and its parents inherit missing CPUs and memory nodes from the nearest parent that
// has some, and that those a container asks for are left to its limits.
func TestCpuset(t *testing.T) {
	for _, row := range []struct {
		what       string
		root       [2]string // CPUs and memory nodes
		parent     [2]string
		asked      *specs.LinuxCPU
		wantParent [2]string
		want       [2]string
	}{
		{"all is new", [2]string{"0-3\n", "0\n"}, [2]string{"\n", "\n"}, nil, [2]string{"0-3", "0"}, [2]string{"0-3", "0"}},
		{"a parent with less", [2]string{"0-3\n", "0-1\n"}, [2]string{"1\n", "1\n"}, nil, [2]string{"1\n", "1\n"},
			[2]string{"1", "1"}},
		{"a parent with half of it", [2]string{"0-3\n", "0\n"}, [2]string{"2\n", "\n"}, nil, [2]string{"2\n", "0"},
			[2]string{"2", "0"}},
		{"processors of its own", [2]string{"0-3\n", "0\n"}, [2]string{"\n", "\n"}, &specs.LinuxCPU{Cpus: "3"},
			[2]string{"0-3", "0"}, [2]string{"", "0"}},
		{"both of its own", [2]string{"0-3\n", "0\n"}, [2]string{"1\n", "0\n"}, &specs.LinuxCPU{Cpus: "1", Mems: "0"},
			[2]string{"1\n", "0\n"}, [2]string{"", ""}},
	} {
		dir := tree(t, map[string]string{
			"cpuset.cpus": row.root[0], "cpuset.mems": row.root[1], "p/cpuset.cpus": row.parent[0],
			"p/cpuset.mems":   row.parent[1],
			"p/c/cpuset.cpus": "", "p/c/cpuset.mems": "",
		})
		h := &Hierarchies{mounts: []mount{{dir: dir, controllers: []string{"cpuset"}}}}
		if err := h.Open("/p/c").inheritCpuset(&specs.LinuxResources{CPU: row.asked}); err != nil {
			t.Errorf("%s: %v", row.what, err)
		}
		for i, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			parent, own := content(t, filepath.Join(dir, "p", file)), content(t, filepath.Join(dir, "p/c", file))
			if parent != row.wantParent[i] || own != row.want[i] {
				t.Errorf("%s: %s of the parent is %q, of the group %q; want %q and %q", row.what, file, parent, own,
					row.wantParent[i], row.want[i])
			}
		}
	}
	without := &Hierarchies{mounts: []mount{{dir: "/nowhere", controllers: []string{"memory"}}}}
	if err := without.Open("/p/c").inheritCpuset(&specs.LinuxResources{}); err != nil {
		t.Errorf("without the controller: %v", err)
	}
	gone := &Hierarchies{mounts: []mount{{dir: t.TempDir(), controllers: []string{"cpuset"}}}}
	if err := gone.Open("/p/c").inheritCpuset(&specs.LinuxResources{}); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without files: %v", err)
	}
}

// TestPidsOfTree checks that the processes below a group are listed, too, and that anything but a number is skipped.
func TestPidsOfTree(t *testing.T) {
	dir := tree(t, map[string]string{
		"cgroup.procs": "1\n", "p/c/cgroup.procs": "10\n11\n", "p/c/sub/cgroup.procs": "12\n0\n\nx\n",
		"p/c/sub/deep/cgroup.procs": "",
		"p/other/cgroup.procs":      "99\n", "p/c/folder-without/file": "",
	})
	h := &Hierarchies{mounts: []mount{{dir: "/nowhere", controllers: []string{"devices"}}, {dir: dir,
		controllers: []string{"memory"}}}}
	got, err := h.Open("/p/c").Pids() // the first tree has lost the group
	if slices.Sort(got); err != nil || !slices.Equal(got, []int{10, 11, 12}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := h.Open("/p/none").Pids(); !errdefs.IsNotFound(err) || len(got) > 0 {
		t.Errorf("a group that is not there: %v, %v", got, err)
	}
	if got := h.Names("/p"); !slices.Equal(got, []string{"c", "other"}) {
		t.Errorf("groups at /p: %q", got)
	}
	if got := h.Names("/../../p/./c"); !slices.Equal(got, []string{"folder-without", "sub"}) {
		t.Errorf("a path that leads up: %q", got)
	}
}

// TestCountOOMKills checks that the count is read from the right line of either file.
func TestCountOOMKills(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n": 3,
		"low 0\nhigh 9\nmax 8\noom 7\noom_kill 12\noom_group_kill 5\n": 12,
		"oom_kill_disable 1\nunder_oom 1\n":                            0, "oom_kill": 0, "oom_kill many\n": 0,
		"oom_kill 4": 4, "xoom_kill 4\n": 0,
	} {
		if got := countOOMKills(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	for _, row := range []struct {
		v2          bool
		controllers []string
		file        string
		want        int
	}{
		{false, []string{"memory"}, "memory.oom_control", 2}, {true, []string{""}, "memory.events", 2},
		{false, []string{"cpu"}, "memory.oom_control", 0}, {false, []string{"memory"}, "elsewhere", 0},
	} {
		dir := tree(t, map[string]string{"c/" + row.file: "oom_kill 2\n"})
		h := &Hierarchies{unified: row.v2, mounts: []mount{{dir, row.v2, row.controllers}}}
		if got := h.Open("c").OOMKills(); got != row.want {
			t.Errorf("%+v: %d", row, got)
		}
	}
}

// TestSetLimits checks that each limit is written in the tree of its controller, or to the file of older kernels, and
// that a missing controller is an error unless the limit is optional.
func TestSetLimits(t *testing.T) {
	memory := tree(t, map[string]string{"c/memory.new": "", "c/memory.old": ""})
	cpu := tree(t, map[string]string{"c/cpu.shares": ""})
	h := &Hierarchies{mounts: []mount{{dir: memory, controllers: []string{"memory"}}, {dir: cpu,
		controllers: []string{"cpu", "cpuacct"}}}}
	g := h.Open("/c")
	for what, row := range map[string]struct {
		l    limit
		file string // where the value is expected, "" for nowhere
		err  string
	}{
		"its file":        {limit{file: "memory.new", value: "1"}, memory + "/c/memory.new", ""},
		"another tree":    {limit{file: "cpu.shares", value: "2"}, cpu + "/c/cpu.shares", ""},
		"an older kernel": {limit{file: "memory.newest", value: "3", instead: "memory.old"}, memory + "/c/memory.old", ""},
		"spared file":     {limit{file: "memory.newest", value: "4", spare: true}, "", ""},
		"missing file": {limit{file: "memory.newest", value: "5"}, "",
			"set memory.newest of /c to 5: no such file or directory"},
		"spared controller": {limit{file: "rdma.max", value: "6", spare: true}, "", ""},
		"missing controller": {limit{file: "pids.max", value: "7"}, "",
			"set pids.max of /c to 7: controller pids is not mounted"},
	} {
		err := g.set(limits{row.l})
		if err == nil && row.err != "" || err != nil && err.Error() != row.err {
			t.Errorf("%s: %v; want %q", what, err, row.err)
		}
		if row.file != "" && content(t, row.file) != row.l.value {
			t.Errorf("%s: %s has %q", what, row.file, content(t, row.file))
		}
	}
	if err := h.Open("/").Update(&specs.LinuxResources{}); !errdefs.IsInvalidArgument(err) {
		t.Errorf("limits of the root: %v", err)
	}
}

// TestPaths checks that a group has a folder for each controller, and that a host without trees is an error.
func TestPaths(t *testing.T) {
	h := &Hierarchies{mounts: []mount{{dir: "/a", controllers: []string{"cpu", "cpuacct"}}, {dir: "/b"}, {"/c",
		true, []string{""}}}}
	got, err := h.Open("docker//x/../y").Paths()
	want := map[string]string{"cpu": "/a/docker/y", "cpuacct": "/a/docker/y", "": "/c/docker/y"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if m, ok := h.freezer(); !ok || m.dir != "/c" {
		t.Errorf("groups are frozen in %+v", m)
	}
	if _, err := (&Hierarchies{}).Open("/x").Paths(); err == nil {
		t.Error("a host without control groups has paths")
	}
	if !h.deviceless() || (&Hierarchies{confined: true}).deviceless() {
		t.Error("a host without the controller of devices restricts them, or one where nobody may does not")
	}
	if unified := unifiedAt("/u", nil); unified.deviceless() {
		t.Error("the unified tree does not restrict devices")
	}
}
