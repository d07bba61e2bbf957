package spec

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"box/fs/inroot/inroottest"
)

// input is a container with the host configuration given as JSON.
func input(t *testing.T, host string) Input {
	t.Helper()
	in := Input{ID: "id", Config: &container.Config{}, Host: &container.HostConfig{}, Args: []string{"true"},
		Hostname: "name", NetNS: "/net"}
	if err := json.Unmarshal([]byte(host), in.Host); err != nil {
		t.Fatal(err)
	}
	var err error
	if in.Security, err = ParseSecurity(in.Host.SecurityOpt); err != nil {
		t.Fatal(err)
	}
	return in
}

// TestConfinement: no kernel of the test machines has AppArmor or SELinux, so the fields of the spec are what can be
// seen.
func TestConfinement(t *testing.T) {
	both := Confinement{AppArmor: true, SELinux: true}
	for _, row := range []struct {
		options         string
		have            Confinement
		profile, labels string
		files           string
	}{
		{`[]`, both, "", "", ""},
		{`["apparmor=mine"]`, both, "mine", "", ""},
		{`["apparmor:unconfined"]`, both, "unconfined", "", ""},
		{`["apparmor=mine","label=type:t"]`, Confinement{}, "", "", ""},
		{`["label=type:svirt_t","label=level:s0:c1,c2"]`, both, "", "system_u:system_r:svirt_t:s0:c1,c2",
			"system_u:object_r:container_file_t:s0:c1,c2"},
		{`["label:user:u","label:role:r"]`, both, "", "u:r:container_t:s0", "u:object_r:container_file_t:s0"},
		{`["label=filetype:mine_t"]`, both, "", "system_u:system_r:container_t:s0", "system_u:object_r:mine_t:s0"},
		{`["label=disable","label=type:t"]`, both, "", "", ""},
	} {
		in := input(t, `{"SecurityOpt":`+row.options+`}`)
		in.Confine = row.have
		s, err := Build(in)
		if err != nil {
			t.Fatal(err)
		}
		if s.Process.ApparmorProfile != row.profile || s.Process.SelinuxLabel != row.labels ||
			s.Linux.MountLabel != row.files {
			t.Errorf("%s: %q %q %q", row.options, s.Process.ApparmorProfile, s.Process.SelinuxLabel, s.Linux.MountLabel)
		}
	}
}

func TestRefusedSecurityOptions(t *testing.T) {
	for _, row := range []struct{ option, text string }{
		{"odd", `invalid --security-opt 1: "odd"`},
		{"odd=x", `invalid --security-opt 2: "odd=x"`},
		{"no-new-privileges=perhaps", `invalid --security-opt 2: "no-new-privileges=perhaps"`},
		{"systempaths=x", `invalid --security-opt 2: "systempaths=x"`},
	} {
		if _, err := ParseSecurity([]string{row.option}); err == nil || err.Error() != row.text {
			t.Errorf("%s: %v", row.option, err)
		}
	}
	var filters Filters
	if _, err := filters.Of(Security{Seccomp: "{"}, false, nil); err == nil ||
		!strings.HasPrefix(err.Error(), "seccomp profile: ") {
		t.Error(err)
	}
}

func TestMountsInOrder(t *testing.T) {
	in := input(t, `{}`)
	in.Mounts = []specs.Mount{{Destination: "/a/b/c"}, {Destination: "/dev/shm"}, {Destination: "/a"},
		{Destination: "/etc/hosts"}, {Destination: "/a/b"}}
	in.Files = []Bind{{Source: "/h", Target: "/etc/hosts"}, {Source: "/n", Target: "/etc/hostname"}}
	var order []string
	for _, m := range mounts(&in) {
		if strings.HasPrefix(m.Destination, "/a") || strings.HasPrefix(m.Destination, "/etc") || m.Destination == "/dev/shm" {
			order = append(order, m.Destination)
		}
	}
	if want := []string{"/a", "/dev/shm", "/etc/hosts", "/a/b", "/etc/hostname", "/a/b/c"}; !slices.Equal(order, want) {
		t.Error(order)
	}
	in.Mounts = []specs.Mount{{Destination: "/dev"}}
	for _, m := range mounts(&in) {
		if strings.HasPrefix(m.Destination, "/dev/") {
			t.Errorf("%s would hide a part of the user's /dev", m.Destination)
		}
	}
}

func TestRootPropagation(t *testing.T) {
	for _, row := range []struct {
		options []string
		want    string
	}{{nil, ""}, {[]string{"rbind", "rprivate"}, ""}, {[]string{"rslave"}, "rslave"}, {[]string{"shared"}, "shared"}} {
		in := input(t, `{}`)
		in.Mounts = []specs.Mount{{Destination: "/x", Options: row.options}}
		s, err := Build(in)
		if err != nil || s.Linux.RootfsPropagation != row.want {
			t.Errorf("%v: %q, %v", row.options, s.Linux.RootfsPropagation, err)
		}
	}
}

func TestCgroupPathStaysBelowTheRoot(t *testing.T) {
	for _, row := range []struct{ own, daemons, want string }{
		{"", "", "/docker/id"}, {"", "/boxes/", "/boxes/id"}, {"a/b", "/boxes", "/a/b/id"}, {"../../x", "", "/x/id"},
		{"/..", "", "/id"},
	} {
		if got := CgroupPath(row.own, row.daemons, "id"); got != row.want {
			t.Errorf("%q %q: %s", row.own, row.daemons, got)
		}
	}
}

func TestMissingDeviceIsAnError(t *testing.T) {
	for _, host := range []string{
		`{"BlkioDeviceReadBps":[{"Path":"/nope","Rate":1}]}`, `{"BlkioWeightDevice":[{"Path":"/nope","Weight":100}]}`,
	} {
		if _, err := Build(input(t, host)); err == nil || err.Error() != "stat /nope: no such file or directory" {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestHome(t *testing.T) { inroottest.Kernels(t, testHome) }

func testHome(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	passwd := "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/toor:/bin/sh\njoe:x:7:7::/home/joe:\nnone:x:8:8:::\nodd:x:9:9::/o\x00d:\n"
	if err := os.WriteFile(filepath.Join(root, "users"), []byte(passwd), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/../users",
		filepath.Join(root, "etc/passwd")); err != nil { // as images do that are made of links
		t.Fatal(err)
	}
	for _, row := range []struct{ user, env, want string }{
		{"", "A=1", "A=1 HOME=/root"}, {"toor", "A=1", "A=1 HOME=/root"}, {"joe", "A=1", "A=1 HOME=/home/joe"},
		{"7:0", "", "HOME=/home/joe"},
		{"none", "A=1", "A=1 HOME=/"}, {"odd", "A=1", "A=1 HOME=/"}, {"99", "A=1", "A=1 HOME=/"}, {"joe", "HOME=/here A=1", "HOME=/here A=1"},
		{"joe", "HOME= A=1", "A=1 HOME=/home/joe"},
	} {
		who, err := User(root, row.user, nil)
		if err != nil {
			t.Errorf("%q: %v", row.user, err)
		}
		if got := strings.Join(WithHome(strings.Fields(row.env), who), " "); got != row.want {
			t.Errorf("%q with %q: %q, want %q", row.user, row.env, got, row.want)
		}
	}
}

// TestMergeEnvironment: what is over overrides, and a name alone takes away what is under it, but not what stands
// beside it.
func TestMergeEnvironment(t *testing.T) {
	for _, row := range []struct{ base, more, want []string }{
		{[]string{"PATH=/bin", "A=1"}, []string{"PATH", "NOT"}, []string{"A=1"}},
		{[]string{"A=1"}, []string{"A=2", "B=", "A=3"}, []string{"A=3", "B="}},
		{[]string{"A=1"}, []string{"B=2", "B"}, []string{"A=1", "B=2"}},
		{[]string{"A=1"}, []string{"A", "A=2"}, []string{"A=2"}},
		{[]string{"AB=1"}, []string{"A"}, []string{"AB=1"}},
	} {
		if got := MergeEnvironment(row.base, row.more); !slices.Equal(got, row.want) {
			t.Errorf("%q with %q over it: %q, want %q", row.base, row.more, got, row.want)
		}
	}
}
