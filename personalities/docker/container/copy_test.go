package container_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/netapi/wire"
	"box/personalities/docker"
	"box/personalities/docker/clienttest"
)

// holding is a daemon that answers for /src of container c with an archive.
func holding(t *testing.T, stat wire.PathStat, archive []byte) *clienttest.Daemon {
	header, err := wire.EncodePathStat(stat)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(wire.PathStatHeader, header)
		w.Write(archive)
	}
	return clienttest.New(t, docker.Main, map[string]http.HandlerFunc{"GET /containers/c/archive": serve,
		"HEAD /containers/c/archive": serve,
		"PUT /containers/c/archive":  func(http.ResponseWriter, *http.Request) {}})
}

func TestCopyFromContainer(t *testing.T) {
	tree := clienttest.TarOf(t, clienttest.Dir("src/"), clienttest.File("src/f", "data"), clienttest.Link("src/l", "f"),
		clienttest.Hard("src/h", "src/f"), clienttest.Dir("src/sub"),
		clienttest.File("src/sub/g", "x"))
	content := clienttest.TarOf(t, clienttest.Dir("./"), clienttest.File("./f", "data"))
	folder := wire.PathStat{Name: "src", Mode: fs.ModeDir | 0o755}
	for _, row := range []struct {
		name, from, to string
		stat           wire.PathStat
		archive        []byte
		want           string // a file that must be there then
	}{
		{"into a folder", "c:/src", "here", folder, tree, "here/src/f"},
		{"under a new name", "c:/src", "here/new", folder, tree, "here/new/sub/g"},
		{"content into a folder", "c:/src/.", "here", wire.PathStat{Name: ".", Mode: fs.ModeDir}, content, "here/f"},
		{"content under a new name", "c:/src/.", "here/new", wire.PathStat{Name: ".", Mode: fs.ModeDir}, content,
			"here/new/f"},
		{"a file", "c:/src", "here/new", wire.PathStat{Name: "src"}, clienttest.TarOf(t, clienttest.File("src", "data")),
			"here/new"},
		{"over a file", "c:/src", "here/old", wire.PathStat{Name: "src"}, clienttest.TarOf(t, clienttest.File("src", "data")),
			"here/old"},
	} {
		home := t.TempDir()
		os.Mkdir(filepath.Join(home, "here"), 0o755)
		os.WriteFile(filepath.Join(home, "here/old"), []byte("old"), 0o600)
		r := clienttest.In(t, docker.Main, home, holding(t, row.stat, row.archive).Host, "", "cp", row.from, row.to)
		got, err := os.ReadFile(filepath.Join(home, row.want))
		if r.Code != 0 || err != nil || (string(got) != "data" && string(got) != "x") {
			t.Errorf("%s: %+v, %q, %v", row.name, r, got, err)
		}
	}
	home := t.TempDir()
	clienttest.In(t, docker.Main, home, holding(t, folder, tree).Host, "", "cp", "c:/src", ".")
	f, err := os.Stat(filepath.Join(home, "src/f"))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := os.Stat(filepath.Join(home, "src/h"))
	if target, _ := os.Readlink(filepath.Join(home, "src/l")); target != "f" || f.Mode() != 0o640 ||
		f.ModTime().Unix() != 1e9 || !os.SameFile(f, h) {
		t.Errorf("link to %q, mode %v, time %v, hard link %v", target, f.Mode(), f.ModTime(), os.SameFile(f, h))
	}
	if d, _ := os.Stat(filepath.Join(home, "src")); d.ModTime().Unix() != 1e9 {
		t.Errorf("folder's time %v", d.ModTime())
	}
}

// A hostile daemon's archive writes nothing outside the folder it was copied to.
func TestCopyFromHostile(t *testing.T) {
	for name, archive := range map[string][]byte{
		"dots":     clienttest.TarOf(t, clienttest.Dir("src"), clienttest.File("src/../../../out/evil", "x")),
		"absolute": clienttest.TarOf(t, clienttest.File("/../../out/evil", "x")),
		"link then file": clienttest.TarOf(t, clienttest.Dir("src"), clienttest.Link("src/l", "../../out"),
			clienttest.File("src/l/evil", "x")),
		"absolute link": clienttest.TarOf(t, clienttest.Dir("src"), clienttest.Link("src/l", "ROOT/out"),
			clienttest.File("src/l/evil", "x")),
		"hard link": clienttest.TarOf(t, clienttest.Dir("src"), clienttest.Hard("src/evil", "../../out/secret")),
		"over the link": clienttest.TarOf(t, clienttest.Dir("src"), clienttest.Link("src/l", "../../out/secret"),
			clienttest.File("src/l", "x")),
	} {
		home := t.TempDir()
		os.MkdirAll(filepath.Join(home, "out"), 0o755)
		os.MkdirAll(filepath.Join(home, "in"), 0o755)
		os.WriteFile(filepath.Join(home, "out/secret"), []byte("kept"), 0o600)
		archive = bytes.ReplaceAll(archive, []byte("ROOT/out"), []byte("/tmp/out"))
		clienttest.In(t, docker.Main, home, holding(t, wire.PathStat{Name: "src", Mode: fs.ModeDir}, archive).Host, "", "cp",
			"c:/src",
			"in")
		if _, err := os.Lstat(filepath.Join(home, "out/evil")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: written outside", name)
		}
		secret, err := os.Stat(filepath.Join(home, "out/secret"))
		raw, _ := os.ReadFile(filepath.Join(home, "out/secret"))
		if err != nil || string(raw) != "kept" || linked(secret, filepath.Join(home, "in")) {
			t.Errorf("%s: a file outside is changed or linked: %q", name, raw)
		}
	}
}

// What is neither a file nor a folder is not taken away by a copy, and a link leads to what is written.
func TestCopyOverSpecial(t *testing.T) {
	whole := wire.PathStat{Name: "src"}
	folder := wire.PathStat{Name: ".", Mode: fs.ModeDir}
	for _, row := range []struct {
		name, from, to string
		stat           wire.PathStat
		archive        []byte
	}{
		{"a file over a pipe", "c:/src", "pipe", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
		{"a link over a pipe", "c:/src", "pipe", whole, clienttest.TarOf(t, clienttest.Link("src", "elsewhere"))},
		{"a pipe over a pipe", "c:/src", "pipe", whole, clienttest.TarOf(t, tar.Header{Name: "src", Typeflag: tar.TypeFifo})},
		{"by a link", "c:/src", "to-pipe", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
		{"by two links", "c:/src", "to-to-pipe", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
		{"a folder over a pipe", "c:/src", "pipe", wire.PathStat{Name: "src", Mode: fs.ModeDir},
			clienttest.TarOf(t, clienttest.Dir("src"))},
		{"of a tree", "c:/src/.", ".", folder, clienttest.TarOf(t, clienttest.Dir("./"), clienttest.File("./pipe", "data"))},
		{"of a tree, linked", "c:/src/.", ".", folder,
			clienttest.TarOf(t, clienttest.Dir("./"), clienttest.File("./f", "x"), clienttest.Hard("./pipe", "./f"))},
		{"a device", "c:/src", "/dev/null", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
		{"a device with a slash", "c:/src", "/dev/null/", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
		{"a descriptor", "c:/src", "/dev/fd/2", whole, clienttest.TarOf(t, clienttest.File("src", "data"))},
	} {
		home := t.TempDir()
		if err := unix.Mkfifo(filepath.Join(home, "pipe"), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Symlink("pipe", filepath.Join(home, "to-pipe"))
		os.Symlink("./to-pipe", filepath.Join(home, "to-to-pipe"))
		before := namesIn(t, home)
		r := clienttest.In(t, docker.Main, home, holding(t, row.stat, row.archive).Host, "", "cp", row.from, row.to)
		info, err := os.Lstat(filepath.Join(home, "pipe"))
		if r.Code != 1 || err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("%s: %+v, %v %v", row.name, r, info, err)
		}
		if after := namesIn(t, home); after != before && !strings.Contains(row.name, "tree") {
			t.Errorf("%s: %s, was %s", row.name, after, before)
		}
		if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&fs.ModeCharDevice == 0 {
			t.Fatalf("%s: /dev/null is gone", row.name)
		}
	}
}

// A copy that breaks off leaves the file that was there, and one that does not replaces what a link leads to.
func TestCopyOverFile(t *testing.T) {
	home := t.TempDir()
	path, by := filepath.Join(home, "f"), filepath.Join(home, "link")
	os.WriteFile(path, []byte("old"), 0o600)
	os.Symlink("f", by)
	archive := clienttest.TarOf(t, clienttest.File("src", strings.Repeat("x", 5000)))
	if r := clienttest.In(t, docker.Main, home, holding(t, wire.PathStat{Name: "src"}, archive[:2000]).Host, "", "cp",
		"c:/src",
		"f"); r.Code != 1 {
		t.Errorf("%+v", r)
	}
	if raw, err := os.ReadFile(path); string(raw) != "old" || namesIn(t, home) != "f link" {
		t.Errorf("%q, %v, %s", raw, err, namesIn(t, home))
	}
	if r := clienttest.In(t, docker.Main, home,
		holding(t, wire.PathStat{Name: "src"}, clienttest.TarOf(t, clienttest.File("src", "new"))).Host, "", "cp",
		"c:/src", "link"); r.Code != 0 {
		t.Errorf("%+v", r)
	}
	target, err := os.Readlink(by)
	if raw, readErr := os.ReadFile(path); target != "f" || err != nil || string(raw) != "new" || readErr != nil {
		t.Errorf("%q, %v, %q, %v", target, err, raw, readErr)
	}
}

// namesIn is what a folder has, in one line.
func namesIn(t *testing.T, dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// linked says whether a file below folder is the same as info.
func linked(info fs.FileInfo, folder string) (found bool) {
	filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if other, statErr := os.Lstat(p); err == nil && statErr == nil && os.SameFile(info, other) {
			found = true
		}
		return nil
	})
	return found
}

func TestCopyFromTruncated(t *testing.T) {
	archive := clienttest.TarOf(t, clienttest.Dir("src"), clienttest.File("src/f", strings.Repeat("x", 5000)))
	f := holding(t, wire.PathStat{Name: "src", Mode: fs.ModeDir}, archive[:2000])
	if r := clienttest.In(t, docker.Main, t.TempDir(), f.Host, "", "cp", "c:/src", "."); r.Code != 1 ||
		!strings.Contains(r.Stderr, "unexpected EOF") {
		t.Errorf("%+v", r)
	}
}

func TestCopyToContainer(t *testing.T) {
	for _, row := range []struct {
		name, from, to string
		stat           *wire.PathStat
		folder         string
		names          string
	}{
		{"into a folder", "tree", "c:/dst", &wire.PathStat{Mode: fs.ModeDir}, "/dst", "tree/ tree/f tree/h tree/l"},
		{"content", "tree/.", "c:/dst", &wire.PathStat{Mode: fs.ModeDir}, "/dst", "./ f h l"},
		{"new name", "tree", "c:/dst/new", nil, "/dst", "new/ new/f new/h new/l"},
		{"a file", "tree/f", "c:/dst/new", nil, "/dst", "new"},
		{"over a file", "tree/f", "c:/dst/old", &wire.PathStat{}, "/dst", "old"},
	} {
		home := t.TempDir()
		os.Mkdir(filepath.Join(home, "tree"), 0o750)
		os.WriteFile(filepath.Join(home, "tree/f"), []byte("data"), 0o604)
		os.Link(filepath.Join(home, "tree/f"), filepath.Join(home, "tree/h"))
		os.Symlink("f", filepath.Join(home, "tree/l"))
		f := holding(t, wire.PathStat{}, nil)
		if row.stat == nil {
			delete(f.Routes, "HEAD /containers/c/archive")
		} else {
			f = holding(t, *row.stat, nil)
		}
		if r := clienttest.In(t, docker.Main, home, f.Host, "", "cp", row.from, row.to); r.Code != 0 {
			t.Errorf("%s: %+v", row.name, r)
			continue
		}
		if last := f.Seen[len(f.Seen)-1]; !strings.Contains(last, "path="+strings.ReplaceAll(row.folder, "/", "%2F")) {
			t.Errorf("%s: %s", row.name, last)
		}
		var names []string
		r := tar.NewReader(bytes.NewReader(f.Bodies["PUT /containers/c/archive"]))
		for {
			h, err := r.Next()
			if err != nil {
				break
			}
			names = append(names, h.Name)
			if strings.HasSuffix(h.Name, "/h") && h.Typeflag != tar.TypeLink {
				t.Errorf("%s: a hard link was packed twice", row.name)
			}
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != row.names {
			t.Errorf("%s: %s, want %s", row.name, got, row.names)
		}
	}
}

func TestCopyRefuses(t *testing.T) {
	f := holding(t, wire.PathStat{}, nil)
	for _, row := range []struct{ args, want string }{
		{"cp a b", "must specify at least one container source"},
		{"cp c:/a d:/b", "copying between containers is not supported"},
		{"cp /nope/x c:/b", "lstat /nope/x: no such file or directory"},
		{"cp - c:/b", `destination "c:/b" must be a directory`},
		{"cp /proc c:/b", "cannot copy directory"},
	} {
		if r := f.Docker(t, "", strings.Fields(row.args)...); r.Code != 1 || !strings.Contains(r.Stderr, row.want) {
			t.Errorf("%s: %+v", row.args, r)
		}
	}
}
