package check

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"box/certs"
	"box/engine/network"
	"box/personalities/cmd"
)

// standIn is a host made of files, on which everything is well.
func standIn(t *testing.T) host {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"proc/sys/kernel/osrelease":    "6.1.0-37-cloud-amd64\n",
		"proc/cgroups":                 "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\ncpuset\t1\t1\t1\nmemory\t2\t1\t1\npids\t3\t1\t1\nblkio\t4\t1\t1\n",
		"proc/self/status":             "Name:\tbox\nSeccomp:\t0\n",
		"proc/sys/net/ipv4/ip_forward": "1\n",
		"proc/self/ns/pid":             "",
		"proc/self/ns/mnt":             "",
		"proc/self/ns/net":             "",
		"proc/self/ns/ipc":             "",
		"proc/self/ns/uts":             "",
		"proc/self/ns/cgroup":          "",
		"proc/self/ns/user":            "",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range deviceFiles {
		path := filepath.Join(root, "dev", d.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/"+d.name, path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/pts", filepath.Join(root, "dev/pts")); err != nil {
		t.Fatal(err)
	}
	return host{root: root, dataRoot: filepath.Join(root, "var/lib/docker"), certs: filepath.Join(root, "certs"),
		socket: filepath.Join(root, "docker.sock"), uid: os.Getuid(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		network: func() network.Support { return network.Support{} }}
}

// write makes a file of a stand-in.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestConfinement(t *testing.T) {
	const enabled, profiles = "sys/module/apparmor/parameters/enabled", "sys/kernel/security/apparmor/profiles"
	for _, c := range []struct {
		files map[string]string
		want  []grade
	}{
		{map[string]string{}, nil},
		{map[string]string{enabled: "N\n"}, nil},
		{map[string]string{enabled: "Y\n", profiles: "docker-default (enforce)\n"}, []grade{fine}},
		{map[string]string{enabled: "Y\n", profiles: "", "parser": "#!/bin/sh\n"}, []grade{fine}},
		{map[string]string{enabled: "Y\n", profiles: ""}, []grade{worse}},
		{map[string]string{enabled: "Y\n", "parser": "#!/bin/sh\n"}, []grade{worse}},
	} {
		h := standIn(t)
		h.parser = filepath.Join(h.root, "parser")
		for file, text := range c.files {
			write(t, filepath.Join(h.root, file), text)
		}
		var got []grade
		for _, f := range confinement(h) {
			got = append(got, f.grade)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v: %v; want %v", c.files, got, c.want)
		}
	}
}

func TestFindings(t *testing.T) {
	edit := func(path, text string) func(*testing.T, *host) {
		return func(t *testing.T, h *host) {
			if err := os.WriteFile(filepath.Join(h.root, path), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(path string) func(*testing.T, *host) {
		return func(t *testing.T, h *host) {
			if err := os.Remove(filepath.Join(h.root, path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	broken := errors.New("operation not supported")
	pair := func(left time.Duration) func(*testing.T, *host) {
		return func(t *testing.T, h *host) {
			// It is made as if some time ago, for as long as it had then.
			begin := h.now.Add(min(0, left) - 48*time.Hour)
			_, p, err := certs.NewAuthority(h.certs, "here", "ecdsa", h.now.Add(left).Sub(begin), nil,
				func() time.Time { return begin })
			if err != nil {
				t.Fatal(err)
			}
			if err := certs.Write(h.certs, true, certs.PairFiles(p, certs.CAFile, certs.CAKeyFile)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, row := range []struct {
		name   string
		change func(*testing.T, *host)
		probe  func(host) []finding
		want   grade
		text   string // in the consequence or the remedy
	}{
		{"all well: kernel", nil, kernel, fine, ""},
		{"all well: namespaces", nil, namespaces, fine, ""},
		{"all well: control groups", nil, controlGroups, fine, ""},
		{"all well: seccomp", nil, seccomp, fine, ""},
		{"all well: clock", nil, clock, fine, ""},
		{"all well: forwarding", nil, forwarding, fine, ""},
		{"no root", func(_ *testing.T, h *host) { h.uid = 1000 }, privilege, fatal, "as root"},
		{"no proc", remove("proc/sys/kernel/osrelease"), proc, fatal, "mount -t proc"},
		{"all well: devices", nil, devices, fine, ""},
		{"no null", remove("dev/null"), devices, fatal, "mknod"},
		{"a file for null", func(t *testing.T,
			h *host) {
			remove("dev/null")(t, h)
			write(t, filepath.Join(h.root, "dev/null"), "")
		}, devices, fatal, "devtmpfs"},
		{"no terminals", remove("dev/ptmx"), devices, worse, "-t"},
		{"no devpts", remove("dev/pts"), devices, worse, "mount -t devpts"},
		{"no certificates", nil, certificates, fine, ""},
		{"certificates that are none", func(t *testing.T, h *host) { write(t, filepath.Join(h.certs, "ca.pem"), "x") },
			certificates, worse, "box certs show"},
		{"certificates that have ended", pair(-time.Hour), certificates, worse, "box certs renew"},
		{"certificates that end soon", pair(7 * 24 * time.Hour), certificates, worse, "box certs renew"},
		{"good certificates", pair(300 * 24 * time.Hour), certificates, fine, ""},
		{"certificates of the future", func(t *testing.T, h *host) { pair(300*24*time.Hour)(t, h); h.now = time.Unix(0, 0) },
			certificates, worse, "set the clock"},
		{"no state yet", nil, stateFile, fine, ""},
		{"damaged state", func(t *testing.T,
			h *host) {
			write(t, filepath.Join(h.dataRoot, "box.db"), strings.Repeat("x", 70000))
		}, stateFile, fatal, "--recover"},
		{"layers without state", func(t *testing.T,
			h *host) {
			write(t, filepath.Join(h.dataRoot, "overlay2/x/diff/f"), "x")
		}, stateFile, fatal, "--recover"},
		{"no daemon", nil, daemon, fine, ""},
		{"a socket of nobody", func(t *testing.T, h *host) { write(t, h.socket, "") }, daemon, worse, "box dockerd --detach"},
		{"a kernel of 2013", edit("proc/sys/kernel/osrelease", "3.10.0-957.el7"), kernel, fatal, "4.4"},
		{"a kernel of 2016", edit("proc/sys/kernel/osrelease", "4.9.0-19-amd64"), kernel, worse, "4.18"},
		{"a kernel without numbers", edit("proc/sys/kernel/osrelease", "next"), kernel, worse, "not known"},
		{"no pid namespaces", remove("proc/self/ns/pid"), namespaces, fatal, "CONFIG_PID_NS"},
		{"no user namespaces", remove("proc/self/ns/user"), namespaces, worse, "CONFIG_USER_NS"},
		{"no control groups", edit("proc/cgroups", ""), controlGroups, fatal, "CONFIG_CGROUPS"},
		{"memory disabled", edit("proc/cgroups",
			"memory\t0\t1\t0\ncpu\t1\t1\t1\ncpuset\t1\t1\t1\npids\t1\t1\t1\nblkio\t1\t1\t1\n"), controlGroups, worse,
			"cgroup_enable=memory"},
		{"no seccomp", edit("proc/self/status", "Name:\tbox\n"), seccomp, worse, "CONFIG_SECCOMP_FILTER"},
		{"1970", func(_ *testing.T, h *host) { h.now = time.Unix(0, 0) }, clock, worse, "set the clock"},
		{"no NAT", func(_ *testing.T, h *host) {
			h.uid, h.network = 0, func() network.Support { return network.Support{NAT: broken} }
		}, networking, worse, "nft_chain_nat"},
		{"no bridges", func(_ *testing.T, h *host) {
			h.uid, h.network = 0, func() network.Support { return network.Support{Bridges: broken} }
		}, networking, worse, "--network host"},
		{"no forwarding", remove("proc/sys/net/ipv4/ip_forward"), forwarding, worse, "CONFIG_INET"},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := standIn(t)
			if row.change != nil {
				row.change(t, &h)
			}
			var worst finding
			for _, f := range row.probe(h) {
				if f.grade > worst.grade {
					worst = f
				}
				if f.grade != fine && (f.consequence == "" || f.remedy == "") {
					t.Errorf("%+v lacks its consequence or remedy", f)
				}
			}
			if worst.grade != row.want || !strings.Contains(worst.consequence+worst.remedy, row.text) {
				t.Errorf("%+v, want %v with %q", worst, row.want, row.text)
			}
		})
	}
}

func TestReportAndExitCode(t *testing.T) {
	h := standIn(t)
	h.uid = 0
	if os.Getuid() != 0 {
		h.uid = 1000
	}
	var out bytes.Buffer
	err := h.report(&out)
	if os.Getuid() == 0 && (err != nil || !strings.Contains(out.String(), "Containers can run here")) {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	if err := os.Remove(filepath.Join(h.root, "proc/self/ns/net")); err != nil {
		t.Fatal(err)
	}
	var exit *cmd.Exit
	if err := h.report(&out); !errors.As(err, &exit) || exit.Code != 1 ||
		!strings.Contains(out.String(), "FAIL  kernel without net namespaces") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// A host without /proc hears of that, and of nothing that could not be seen for want of it.
func TestWithoutProc(t *testing.T) {
	h := standIn(t)
	if err := os.RemoveAll(filepath.Join(h.root, "proc")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	var exit *cmd.Exit
	if err := h.report(&out); !errors.As(err, &exit) || exit.Code != 1 {
		t.Error(err)
	}
	for _, word := range []string{"kernel without", "seccomp", "forwarding", "storage"} {
		if strings.Contains(out.String(), word) {
			t.Errorf("it speaks of %s:\n%s", word, &out)
		}
	}
	if !strings.Contains(out.String(), "mount -t proc proc /proc") {
		t.Errorf("no remedy:\n%s", &out)
	}
}

func TestJSON(t *testing.T) {
	h := standIn(t)
	h.now = time.Unix(0, 0)
	var out bytes.Buffer
	err := h.reportJSON(&out)
	var list []struct{ Probe, Grade, Found, Consequence, Remedy string }
	if jsonErr := json.Unmarshal(out.Bytes(), &list); jsonErr != nil {
		t.Fatal(jsonErr, out.String())
	}
	seen := map[string]string{}
	for _, f := range list {
		if f.Grade != "ok" && (f.Consequence == "" || f.Remedy == "") {
			t.Errorf("%+v", f)
		}
		seen[f.Probe] = f.Grade
	}
	if seen["clock"] != "warn" || seen["kernel"] != "ok" || (err == nil) != (seen["privilege"] == "ok") {
		t.Errorf("%v, %v", seen, err)
	}
}

func TestThisHost(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("trying an overlay and a bridge needs root")
	}
	dir := t.TempDir()
	var out bytes.Buffer
	env := &cmd.Env{Args: []string{"--data-root", filepath.Join(dir, "a", "b"), "--socket", filepath.Join(dir, "s")},
		Getenv: func(string) string { return dir }, Stdout: &out, Stderr: &out, Dir: "/"}
	err := Command.Main(context.Background(), env)
	t.Logf("\n%s", &out)
	if err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
