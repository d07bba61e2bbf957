package spec

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func ptr[T any](v T) *T { return &v }

// TestDeviceRules: the rules that Docker takes, and no others.
func TestDeviceRules(t *testing.T) {
	for text, want := range map[string]specs.LinuxDeviceCgroup{
		"c 1:3 r":     {Type: "c", Major: ptr(int64(1)), Minor: ptr(int64(3)), Access: "r"},
		"b 8:* rwm":   {Type: "b", Major: ptr(int64(8)), Access: "rwm"},
		"a *:* mw":    {Type: "a", Access: "mw"},
		"c 00:010 rr": {Type: "c", Major: ptr(int64(0)), Minor: ptr(int64(10)), Access: "rr"},
	} {
		want.Allow = true
		if got, err := parseDeviceRule(text); !reflect.DeepEqual(got, want) || err != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "c", "c 1:3", "c 1:3 ", "c 1:3 x", "c 1:3 rwmr", "d 1:3 r", "ab 1:3 r", "abc *:* r", "C 1:3 r", "c 1 r",
		"c 1:3:4 r",
		"c -1:3 r", "c +1:3 r", "c 1: r", "c :3 r", "c 0x1:3 r", "c 1:99999999999 r", "c  1:3 r", " c 1:3 r",
		"c\t1:3\tr", "c 1:3 r\n", "c *1:3 r",
	} {
		if got, err := parseDeviceRule(text); err == nil || err.Error() != "invalid device cgroup rule format: '"+text+"'" {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestDevices: a device has a rule of its own number, a folder stands for all devices in it, and what is none is said
// to be.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		on, in, permissions string
		path, access        string // of the one device
		err                 string
	}{
		{"/dev/null", "", "", "/dev/null", "rwm", ""},
		{"/dev/null", "/dev/nothing", "r", "/dev/nothing", "r", ""},
		{"/dev/null", "/dev/x", "wr", "/dev/x", "rw", ""},
		{"/dev/null", "/dev/x", "mxr", "/dev/x", "rm", ""},
		{"/dev/null", "/dev/x", "x", "/dev/x", "", ""}, // there, and not to be used
		{link, "/dev/x", "", "/dev/x", "rwm", ""},
		{filepath.Join(dir, "file"), "", "", "", "", "not a device node"},
		{dir, "", "", "", "", "not a device node"},
		{"", "/dev/x", "", "", "", "no such file or directory"},
		{"/dev/no-such-device", "", "", "", "", "no such file or directory"},
	} {
		h := &container.HostConfig{}
		h.Devices = []container.DeviceMapping{{PathOnHost: row.on, PathInContainer: row.in,
			CgroupPermissions: row.permissions}}
		devices, rules, err := Devices(h)
		if row.err != "" {
			want := `error gathering device information while adding custom device "` + row.on + `": ` + row.err
			if err == nil || err.Error() != want {
				t.Errorf("%s: %v; want %s", row.on, err, want)
			}
			continue
		}
		if err != nil || len(devices) != 1 || devices[0].Path != row.path || devices[0].Type != "c" ||
			devices[0].Major != 1 || devices[0].Minor != 3 {
			t.Errorf("%+v: %+v, %v", row, devices, err)
			continue
		}
		if (len(rules) == 1) != (row.access != "") || len(rules) == 1 && (rules[0].Access != row.access ||
			*rules[0].Minor != 3) {
			t.Errorf("%+v: rules %+v", row, rules)
		}
	}
	h := &container.HostConfig{}
	h.Devices = []container.DeviceMapping{{PathOnHost: "/dev", PathInContainer: "/dev/host"}}
	devices, rules, err := Devices(h)
	if err != nil || len(devices) < 2 || len(rules) != len(devices) {
		t.Errorf("a folder: %d devices, %d rules, %v", len(devices), len(rules), err)
	}
	for _, d := range devices {
		if !strings.HasPrefix(d.Path, "/dev/host/") || strings.Contains(d.Path, "/pts/") || strings.HasSuffix(d.Path,
			"/console") {
			t.Errorf("%s is among them", d.Path)
		}
	}
	all, rules, err := Devices(&container.HostConfig{Privileged: true})
	if err != nil || len(rules) > 0 || !slices.ContainsFunc(all,
		func(d specs.LinuxDevice) bool { return d.Path == "/dev/null" }) {
		t.Errorf("privileged: %d devices, %d rules, %v", len(all), len(rules), err)
	}
}

// TestResources: each limit goes to its place, alone; what is not asked for is nil, so that an update leaves it.
func TestResources(t *testing.T) {
	none := specs.LinuxResources{}
	for what, row := range map[string]struct {
		in   container.Resources
		want specs.LinuxResources
	}{
		"nothing": {container.Resources{}, none},
		"memory": {container.Resources{Memory: 64},
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(64))}}},
		"no swap at all": {container.Resources{MemorySwap: -1},
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(-1))}}},
		"swappiness": {container.Resources{MemorySwappiness: ptr(int64(0))},
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swappiness: ptr(uint64(0))}}},
		"swappiness unset": {container.Resources{MemorySwappiness: ptr(int64(-1))}, none},
		"soft limit": {container.Resources{MemoryReservation: 5},
			specs.LinuxResources{Memory: &specs.LinuxMemory{Reservation: ptr(int64(5))}}},
		"no killer": {container.Resources{OomKillDisable: ptr(true)},
			specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: ptr(true)}}},
		"half a processor": {container.Resources{NanoCPUs: 5e8},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(100000)), Quota: ptr(int64(50000))}}},
		"1.5 processors": {container.Resources{NanoCPUs: 15e8},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(100000)), Quota: ptr(int64(150000))}}},
		"quota": {container.Resources{CPUQuota: 7, CPUPeriod: 9},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Period: ptr(uint64(9)), Quota: ptr(int64(7))}}},
		"no quota any more": {container.Resources{CPUQuota: -1},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(-1))}}},
		"shares": {container.Resources{CPUShares: 1024},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1024))}}},
		"fewest shares": {container.Resources{CPUShares: 1},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(2))}}},
		"processors": {container.Resources{CpusetCpus: "0-1", CpusetMems: "0"},
			specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0-1", Mems: "0"}}},
		"processes": {container.Resources{PidsLimit: ptr(int64(9))},
			specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(9))}}},
	} {
		got, err := Resources(&row.in)
		if err != nil || !reflect.DeepEqual(*got, row.want) {
			t.Errorf("%s: memory %+v, processor %+v, pids %+v, %v", what, got.Memory, got.CPU, got.Pids, err)
		}
	}
}

// etc makes a root with files of users.
func etc(t *testing.T, passwd, group string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestUsers: what --user and --group-add may be, in an image that has users, and what each becomes.
func TestUsers(t *testing.T) {
	root := etc(t, "root:x:0:0:root:/root:/bin/sh\n"+
		"web:x:33:34:web:/srv:/bin/sh\n7:x:70:71::/seven:\nbroken line\nnohome:x:5:6::\n",
		"root:x:0:\nstaff:x:50:web,other\nwheel:x:10:root\nwww:x:34:\n")
	for _, row := range []struct {
		name   string
		add    []string
		uid    uint32
		gid    uint32
		groups []uint32
		home   string
		err    string
	}{
		{"", nil, 0, 0, []uint32{0, 10}, "/root", ""},
		{"web", nil, 33, 34, []uint32{34, 50}, "/srv", ""},
		{"33", nil, 33, 34, []uint32{34, 50}, "/srv", ""},
		{"web:staff", nil, 33, 50, []uint32{50}, "/srv", ""},
		{"web:1234", nil, 33, 1234, []uint32{1234}, "/srv", ""},
		{"1000", nil, 1000, 0, []uint32{0}, "/", ""},
		{"1000:1001", nil, 1000, 1001, []uint32{1001}, "/", ""},
		{":34", nil, 0, 34, []uint32{34}, "/root", ""},
		{"7", nil, 7, 0, []uint32{0}, "/", ""}, // a number is never a name
		{"nohome", nil, 5, 6, []uint32{6}, "/", ""},
		{"web", []string{"wheel", "99"}, 33, 34, []uint32{34, 50, 10, 99}, "/srv", ""},
		{"nobody", nil, 0, 0, nil, "", "unable to find user nobody: no matching entries in passwd file"},
		{"web:nobody", nil, 0, 0, nil, "", "unable to find group nobody: no matching entries in group file"},
		{"web", []string{"nobody"}, 0, 0, nil, "", "Unable to find group nobody"},
		{"-1", nil, 0, 0, nil, "", "uids and gids must be in range 0-2147483647"},
		{"99999999999", nil, 0, 0, nil, "", "uids and gids must be in range 0-2147483647"},
		{"4294967296", nil, 0, 0, nil, "", "uids and gids must be in range 0-2147483647"},
	} {
		u, err := User(root, row.name, row.add)
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%q %q: %+v, %v; want %s", row.name, row.add, u, err, row.err)
			}
			continue
		}
		if got := u.AdditionalGids; len(row.add) > 0 { // the order of those that are added is nobody's concern
			slices.Sort(got[2:])
		}
		if err != nil || u.UID != row.uid || u.GID != row.gid || u.Home != row.home || !slices.Equal(u.AdditionalGids,
			row.groups) {
			t.Errorf("%q %q: %+v, %v", row.name, row.add, u, err)
		}
	}
}

// TestHostileUserFiles: files of users that are pipes, folders, links that lead out, or without an end, are read as
// none, or up to a limit, at once.
func TestHostileUserFiles(t *testing.T) {
	for what, place := range map[string]func(path string) error{
		"a pipe":           func(path string) error { return unix.Mkfifo(path, 0o644) },
		"a folder":         func(path string) error { return os.Mkdir(path, 0o755) },
		"a device":         func(path string) error { return os.Symlink("/dev/zero", path) },
		"a link outside":   func(path string) error { return os.Symlink("../../../../../../../etc/passwd", path) },
		"a link to /etc":   func(path string) error { return os.Symlink("/etc/shadow", path) },
		"a link to itself": func(path string) error { return os.Symlink("passwd", path) },
		"nothing":          func(string) error { return nil },
		"no text":          func(path string) error { return os.WriteFile(path, make([]byte, 100000), 0o644) },
		"a long line":      func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 1<<20)), 0o644) },
	} {
		root := etc(t, "", "")
		path := filepath.Join(root, "etc", "passwd")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := place(path); err != nil {
			t.Fatal(err)
		}
		u, err := User(root, "1000", nil)
		if err == nil && (u.UID != 1000 || u.GID != 0 || u.Home != "/") {
			t.Errorf("%s: %+v", what, u)
		}
		if u, err := User(root, "root:x", nil); err == nil {
			t.Errorf("%s: a name leads to %+v", what, u)
		}
	}
}
