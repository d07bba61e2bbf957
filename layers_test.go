package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports is the diagram of ARCHITECTURE.md: which packages of box each one may import.
var imports = map[string][]string{
	"":                    {"personalities", "personalities/cmd"},
	"buildinfo":           {},
	"certs":               {},
	"personalities":       {"buildinfo", "personalities/*"},
	"personalities/certs": {"certs", "personalities/cmd", "personalities/outfile"},
	"personalities/check": {"certs", "engine/apparmor", "engine/network", "engine/state", "fs/drivers",
		"netapi/client", "personalities/cmd"},
	"personalities/cmd": {},
	"personalities/docker": {"netapi/client", "netapi/wire", "personalities/cmd",
		"personalities/docker/container", "personalities/docker/context", "personalities/docker/image",
		"personalities/docker/inspect", "personalities/docker/network", "personalities/docker/run",
		"personalities/docker/session", "personalities/docker/system", "personalities/docker/table",
		"personalities/docker/values", "personalities/docker/volume"},
	"personalities/docker/archive": {"netapi/client", "personalities/docker/progress", "personalities/docker/session",
		"personalities/outfile"},
	"personalities/docker/clienttest": {"netapi/client", "netapi/wire", "personalities/cmd"},
	"personalities/docker/container": {"netapi/client", "netapi/wire", "personalities/cmd", "personalities/docker/archive",
		"personalities/docker/image", "personalities/docker/inspect", "personalities/docker/progress",
		"personalities/docker/prune", "personalities/docker/run", "personalities/docker/session",
		"personalities/docker/stream", "personalities/docker/table", "personalities/docker/values", "personalities/outfile"},
	"personalities/docker/context": {"personalities/cmd", "personalities/docker/inspect", "personalities/docker/session",
		"personalities/docker/table", "personalities/docker/values", "personalities/outfile"},
	"personalities/docker/image": {"engine/reference", "netapi/client", "personalities/cmd",
		"personalities/docker/archive", "personalities/docker/inspect", "personalities/docker/progress",
		"personalities/docker/prune", "personalities/docker/session", "personalities/docker/table",
		"personalities/docker/values"},
	"personalities/docker/inspect": {"netapi/client", "personalities/cmd", "personalities/docker/session",
		"personalities/docker/table", "templates"},
	"personalities/docker/network": {"netapi/client", "personalities/cmd", "personalities/docker/inspect",
		"personalities/docker/prune", "personalities/docker/run", "personalities/docker/session",
		"personalities/docker/table", "personalities/docker/values"},
	"personalities/docker/progress": {"netapi/wire", "personalities/docker/session"},
	"personalities/docker/prune": {"netapi/client", "personalities/docker/session", "personalities/docker/table",
		"personalities/docker/values"},
	"personalities/docker/run": {"engine/reference", "netapi/client", "personalities/cmd",
		"personalities/docker/image", "personalities/docker/session", "personalities/docker/stream",
		"personalities/docker/values", "personalities/outfile"},
	"personalities/docker/session": {"certs", "netapi/client", "netapi/ssh", "netapi/wire", "personalities/cmd",
		"personalities/outfile"},
	"personalities/docker/stream": {"netapi/client", "netapi/wire", "personalities/cmd", "personalities/docker/session",
		"personalities/signals"},
	"personalities/docker/system": {"buildinfo", "netapi/client", "netapi/wire", "personalities/cmd",
		"personalities/docker/container", "personalities/docker/image", "personalities/docker/progress",
		"personalities/docker/prune", "personalities/docker/session", "personalities/docker/table",
		"personalities/docker/values", "personalities/docker/volume", "templates"},
	"personalities/docker/table":  {"personalities/docker/session", "templates"},
	"personalities/docker/values": {"netapi/client"},
	"personalities/docker/volume": {"netapi/client", "personalities/cmd", "personalities/docker/inspect",
		"personalities/docker/prune", "personalities/docker/session", "personalities/docker/table",
		"personalities/docker/values"},
	"personalities/dockerd": {"certs", "engine", "engine/cgroup", "engine/network", "engine/state",
		"engine/stats/sample", "engine/task",
		"fs", "fs/diskspace", "fs/drivers", "fs/mount", "netapi", "netapi/authz", "netapi/client", "personalities/cmd",
		"personalities/dockerd/config", "personalities/keeper", "personalities/outfile",
		"personalities/top/hosts", "personalities/top/metrics", "personalities/top/push", "personalities/top/rules",
		"personalities/top/web"},
	"personalities/dockerd/config": {"engine", "engine/network/catalog", "engine/network/ipam", "engine/request", "engine/task", "fs/drivers", "netapi", "netapi/version",
		"personalities/cmd", "personalities/top/push", "personalities/top/rules"},
	"personalities/hello":   {"personalities/cmd"},
	"personalities/install": {"buildinfo", "personalities/cmd", "personalities/outfile"},
	"personalities/keeper": {"engine/cgroup", "engine/keeper", "engine/runtime", "engine/runtime/runc",
		"engine/task", "fs/diskspace", "personalities/cmd"},
	"personalities/man":     {"personalities/cmd"},
	"personalities/outfile": {},
	"personalities/pid1":    {"personalities/cmd"},
	"personalities/signals": {},
	"personalities/suite":   {},
	"personalities/top": {"certs", "engine/stats/sample", "personalities/cmd", "personalities/docker/session",
		"personalities/docker/table", "personalities/top/hosts", "personalities/top/listing", "personalities/top/rules",
		"personalities/top/screen", "personalities/top/web"},
	"personalities/top/listing": {"engine/stats/sample"},
	"personalities/top/metrics": {"engine/stats/sample"},
	"personalities/top/rules":   {"engine/stats/sample"},
	"personalities/top/push":    {"engine/stats/sample", "personalities/top/metrics"},
	"personalities/top/web": {"certs", "engine/reference", "engine/stats/sample", "netapi/client", "netapi/wire",
		"personalities/top/hosts"},
	"personalities/top/hosts": {"engine/cgroup", "engine/stats/collect", "engine/stats/machine", "engine/stats/sample",
		"netapi/client", "netapi/wire", "personalities/cmd", "personalities/docker/session"},
	"personalities/top/screen": {"engine/reference", "engine/stats/sample", "netapi/client", "netapi/wire",
		"personalities/cmd", "personalities/docker/image", "personalities/docker/table", "personalities/top/hosts",
		"personalities/top/listing", "personalities/top/rules"},
	"personalities/solo": {},

	"netapi": {"buildinfo", "engine", "engine/attach", "engine/filter", "engine/progress", "engine/refuse",
		"engine/request", "netapi/authz", "netapi/version", "netapi/wire", "panics"},
	"netapi/authz":   {},
	"netapi/client":  {"engine/stats/sample", "netapi/wire"},
	"netapi/ssh":     {},
	"netapi/version": {"engine", "engine/refuse", "netapi/wire"},
	"netapi/wire":    {},

	"engine": {"buildinfo", "engine/apparmor", "engine/attach", "engine/cgroup", "engine/events",
		"engine/filter", "engine/health", "engine/ident", "engine/image", "engine/image/change", "engine/lifecycle",
		"engine/migrate", "fs/layers",
		"engine/logs", "engine/logs/driver", "engine/logs/logger", "engine/network", "engine/network/catalog", "engine/network/ipam", "engine/endpoint", "engine/programs",
		"engine/progress", "engine/ps", "engine/recovery", "engine/reference", "engine/refuse", "engine/registry", "engine/request",
		"engine/rootfs",
		"engine/seccomp", "engine/spec", "engine/state", "engine/stats", "engine/stats/actions",
		"engine/stats/collect", "engine/stats/history", "engine/stats/machine",
		"engine/stats/sample", "engine/task", "engine/userns", "engine/volume",
		"engine/workdir", "fs", "fs/archive", "fs/disk", "fs/diskspace", "fs/inroot", "fs/mount", "panics"},
	"engine/migrate": {"engine/ident", "engine/image", "engine/lifecycle", "engine/progress", "engine/request",
		"engine/rootfs", "engine/state", "fs", "fs/archive", "fs/disk"},
	"engine/workdir":      {"fs/disk", "fs/inroot"},
	"engine/apparmor":     {},
	"engine/attach":       {"engine/refuse", "engine/task"},
	"engine/image/change": {"engine/refuse"},
	"engine/cgroup":       {"fs/mount"},
	"engine/enginetest":   {"engine", "engine/state", "engine/task", "fs", "fs/drivers"},
	"engine/events":       {"fs/disk"},
	"engine/health":       {},
	"engine/ident":        {},
	"engine/progress":     {},
	"engine/rootfs":       {"engine/ident", "engine/lifecycle", "fs", "fs/disk", "fs/mount", "fs/tree"},
	"engine/filter":       {"engine/refuse"},
	"engine/image": {"engine/reference", "engine/refuse", "engine/state", "fs", "fs/archive", "fs/disk",
		"panics"},
	"engine/keeper": {"engine/logs", "engine/logs/driver", "engine/network/firewall", "engine/network/resolver",
		"engine/runtime", "engine/seccomp", "engine/task"},
	"engine/lifecycle":              {"engine/network", "engine/request", "engine/state", "engine/task", "fs/disk"},
	"engine/logs":                   {"engine/logs/driver", "engine/logs/remote", "engine/logs/remote/*"},
	"engine/logs/driver":            {},
	"engine/logs/remote":            {"engine/logs/driver"},
	"engine/logs/remote/fluentd":    {"engine/logs/driver", "engine/logs/remote"},
	"engine/logs/remote/gelf":       {"engine/logs/driver", "engine/logs/remote"},
	"engine/logs/remote/journald":   {"engine/logs/driver", "engine/logs/remote"},
	"engine/logs/remote/remotetest": {"engine/logs/driver"},
	"engine/logs/remote/syslog":     {"engine/logs/driver", "engine/logs/remote"},
	"engine/logs/logger":            {"engine/ident", "templates"},
	"engine/endpoint": {"engine/ident", "engine/lifecycle", "engine/network", "engine/network/catalog", "engine/refuse",
		"engine/request", "engine/task"},
	"engine/network": {"engine/network/firewall", "fs/module"},
	"engine/network/catalog": {"engine/ident", "engine/network", "engine/network/ipam", "engine/refuse", "engine/request",
		"engine/state"},
	"engine/network/ipam":        {"engine/refuse"},
	"engine/network/firewall":    {"fs/module"},
	"engine/network/networktest": {"engine/network"},
	"engine/network/resolver":    {"engine/task"},
	"engine/programs":            {"fs/inroot"},
	"engine/ps":                  {},
	"engine/recovery":            {"engine/image", "engine/state", "fs", "fs/disk"},
	"engine/reference":           {},
	"engine/refuse":              {},
	"engine/registry":            {"engine/image", "engine/reference", "fs/archive", "panics"},
	"engine/request": {"engine/network", "engine/cgroup", "engine/image", "engine/logs", "engine/refuse",
		"engine/spec", "engine/task"},
	"engine/runtime":             {"engine/cgroup", "engine/seccomp", "fs/mount"},
	"engine/runtime/runtimetest": {},
	"engine/runtime/runc":        {"engine/cgroup", "engine/runtime", "engine/seccomp"},
	// In the place of libcontainer's half for systemd, by replaces of go.mod.
	"engine/runtime/runc/dbus":         {},
	"engine/runtime/runc/systemd/dbus": {},
	"engine/seccomp":                   {},
	"engine/seccomp/libseccomp":        {"engine/seccomp"}, // in the place of libseccomp, by a replace of go.mod
	"engine/spec":                      {"engine/apparmor", "engine/refuse", "engine/seccomp", "fs/inroot"},
	"engine/state":                     {"fs", "fs/disk"},
	"engine/stats":                     {},
	"engine/stats/actions":             {"engine/stats/sample"},
	"engine/stats/collect":             {"engine/stats/group", "engine/stats/machine", "engine/stats/sample"},
	"engine/stats/group":               {"engine/stats/sample"},
	"engine/stats/machine":             {"engine/stats/group", "engine/stats/sample"},
	"engine/stats/history":             {"engine/stats/sample", "fs/disk"},
	"engine/stats/sample":              {},
	"engine/task":                      {},
	"engine/userns":                    {"fs"},
	"engine/volume":                    {"engine/refuse", "engine/state", "fs", "fs/disk", "fs/inroot", "fs/mount", "fs/tree"},

	"panics":    {},
	"templates": {},

	"fs":           {"fs/mount"},
	"fs/archive":   {"fs", "fs/disk", "fs/inroot", "panics"},
	"fs/aufs":      {"fs", "fs/archive", "fs/disk", "fs/layers", "fs/module", "fs/mount"},
	"fs/btrfs":     {"fs", "fs/disk", "fs/layers", "fs/module", "fs/snapshots"},
	"fs/disk":      {},
	"fs/diskspace": {"fs/mount"},
	"fs/devicemapper": {"fs", "fs/archive", "fs/devicemapper/dm", "fs/devicemapper/ext4", "fs/devicemapper/loop",
		"fs/devicemapper/pool", "fs/disk", "fs/layers", "fs/module", "fs/mount"},
	"fs/devicemapper/dm":   {"fs/module"},
	"fs/devicemapper/ext4": {},
	"fs/devicemapper/loop": {"fs/module"},
	"fs/devicemapper/pool": {"fs/devicemapper/dm"},
	"fs/drivers": {"fs", "fs/aufs", "fs/btrfs", "fs/devicemapper", "fs/disk", "fs/layers", "fs/overlay", "fs/overlay2",
		"fs/vfs", "fs/zfs"},
	"fs/fstest":            {"fs", "fs/archive", "fs/disk", "fs/mount"},
	"fs/layers":            {"fs", "fs/archive", "fs/disk", "fs/mount", "fs/tree"},
	"fs/inroot":            {},
	"fs/inroot/inroottest": {},
	"fs/module":            {},
	"fs/mount":             {"fs/module", "panics"},
	"fs/overlay":           {"fs", "fs/archive", "fs/disk", "fs/layers", "fs/mount", "fs/overlayfs", "fs/tree"},
	"fs/overlay2":          {"fs", "fs/archive", "fs/disk", "fs/layers", "fs/mount", "fs/overlayfs", "fs/quota"},
	"fs/quota":             {"fs/disk"},
	"fs/overlayfs":         {"fs/layers", "fs/module", "fs/mount"},
	"fs/tree":              {"fs", "fs/disk"},
	"fs/snapshots":         {"fs", "fs/archive", "fs/disk", "fs/layers", "fs/mount"},
	"fs/vfs":               {"fs", "fs/disk", "fs/layers", "fs/quota", "fs/snapshots", "fs/tree"},
	"fs/zfs":               {"fs", "fs/disk", "fs/layers", "fs/mount", "fs/snapshots", "fs/zfs/control", "fs/zfs/nvlist"},
	"fs/zfs/control":       {"fs/module", "fs/zfs/nvlist"},
	"fs/zfs/nvlist":        {},
}

// homes are the packages that alone may import an outside library.
var homes = map[string][]string{
	"github.com/alecthomas/kong":        {"personalities/cmd"}, // command lines
	"github.com/opencontainers/runc":    {"engine/runtime/runc"},
	"github.com/opencontainers/cgroups": {"engine/runtime/runc"},
	"github.com/seccomp":                {},                                   // libcontainer's, with engine/seccomp/libseccomp in its place
	"github.com/coreos/go-systemd":      {},                                   // libcontainer's, with engine/runtime/runc/systemd in its place
	"github.com/godbus/dbus":            {"engine/runtime/runc/systemd/dbus"}, // which is engine/runtime/runc/dbus
	"github.com/vishvananda/netlink":    {"engine/network"},
	"github.com/vishvananda/netns":      {"engine/network"},
	"github.com/google/nftables":        {"engine/network/firewall"},
	"github.com/distribution/reference": {}, // engine/reference does its work, in a quarter of the start of box
	"github.com/gorilla/mux":            {"netapi"},
	"go.etcd.io/bbolt":                  {"engine/state", "fs", "fs/fstest", "fs/layers"},
	"golang.org/x/crypto":               {"netapi/ssh"},
	"golang.org/x/net":                  {"engine/network/resolver"}, // dns/dnsmessage; what HTTP_PROXY means is in net/http
	"golang.org/x/text":                 {"personalities/docker/table"},
	"golang.org/x/term": {"personalities/docker/progress", "personalities/docker/session",
		"personalities/docker/stream", "personalities/docker/system", "personalities/docker/table", "personalities/pid1"},
	"github.com/gdamore/tcell":       {"personalities/top/screen"}, // the terminal of box top
	"github.com/rivo/uniseg":         {"personalities/top/screen"}, // how many cells a letter takes, as tcell counts them
	"github.com/klauspost/compress":  {"fs/archive"},
	"github.com/therootcompany/xz":   {"fs/archive"},
	"github.com/moby/profiles":       {"engine/spec"},
	"github.com/moby/sys/capability": {"engine/runtime", "engine/spec"},
	"github.com/moby/sys/mountinfo":  {"fs/mount"},
	"github.com/vbatts/tar-split":    {}, // fs/archive reads and writes its records itself
}

// TestLayers fails on an import of one package of box by another, or of an outside library away from its home, that is
// not in the tables.
func TestLayers(t *testing.T) {
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != ".") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(p, ".go") && !strings.HasSuffix(p, "_test.go") {
			checkImports(t, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestHomes: each home uses its library, so that the table tells where a library serves.
func TestHomes(t *testing.T) {
	for lib, rooms := range homes {
		for _, room := range rooms {
			files, err := filepath.Glob(filepath.Join(room, "*.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(p string) bool { return imported(t, p, lib) }) {
				t.Errorf("%s does not import %s", room, lib)
			}
		}
	}
}

// imported tells whether a file that is no test imports a library or a package of it.
func imported(t *testing.T, path, lib string) bool {
	if strings.HasSuffix(path, "_test.go") {
		return false
	}
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool {
		name, err := strconv.Unquote(i.Path.Value)
		return err == nil && strings.HasPrefix(name+"/", lib+"/")
	})
}

func checkImports(t *testing.T, path string) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	room := filepath.Dir(path)
	if room == "." {
		room = ""
	}
	allowed, known := allowedIn(room)
	if !known {
		t.Errorf("%s: package %s is not in the table of imports", path, room)
	}
	for _, i := range f.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if inner, ours := strings.CutPrefix(name, "box/"); ours && !slices.ContainsFunc(allowed,
			func(a string) bool { return fits(a, inner) }) {
			t.Errorf("%s imports %s, which the diagram does not have", path, inner)
		}
		for lib, rooms := range homes {
			if strings.HasPrefix(name+"/", lib+"/") && !slices.Contains(rooms, room) {
				t.Errorf("%s imports %s, whose home is %v", path, name, rooms)
			}
		}
	}
}

func allowedIn(room string) ([]string, bool) {
	if a, ok := imports[room]; ok {
		return a, true
	}
	a, ok := imports[filepath.Dir(room)+"/*"]
	return a, ok
}

func fits(pattern, name string) bool {
	prefix, any := strings.CutSuffix(pattern, "*")
	return pattern == name || any && strings.HasPrefix(name, prefix)
}

// TestRooms: the table of ARCHITECTURE.md has every package of the tree once, and nothing that is not there.
func TestRooms(t *testing.T) {
	raw, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]int{}
	_, table, _ := strings.Cut(string(raw), "| room | what |\n|---|---|\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			break
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			rooms[strings.TrimSpace(name)]++
		}
	}
	for name, n := range rooms {
		if files, _ := filepath.Glob(name + "/*.go"); n > 1 || len(files) == 0 {
			t.Errorf("%s is in the table %d times, and has %d files", name, n, len(files))
		}
	}
	for name := range imports {
		if files, _ := filepath.Glob(name + "/*.go"); len(files) > 0 && name != "" && rooms[name] == 0 {
			t.Errorf("%s is not in the table of ARCHITECTURE.md", name)
		}
	}
}
