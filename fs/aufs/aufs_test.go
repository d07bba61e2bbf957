package aufs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
	"box/fs/layers"
	"box/fs/mount"
)

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// suite is that of all drivers: on the kernel where that has aufs, as with BOX_AUFS it must, on a stand-in else.
func suite(t *testing.T) fstest.Suite {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	real, err := system{}.known()
	if !real && os.Getenv("BOX_AUFS") != "" {
		t.Fatal("the kernel has no aufs", err)
	}
	t.Log("the kernel has aufs:", real)
	open := func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		if real {
			return Open(t.Context(), root, db, d, nil)
		}
		opened, err := openOn(t.Context(), withAufs{}, root, db, d, nil)
		if err != nil {
			return nil, err
		}
		return newStandIn(t, opened), nil
	}
	return fstest.Suite{Open: open, LongestName: 242}
}

func TestSuite(t *testing.T) { suite(t).Run(t) }

func TestRootWithOddName(t *testing.T) {
	s := suite(t)
	s.Root = func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "a,b:c=d")
		must(t, os.Mkdir(dir, 0o755))
		return filepath.Join(dir, Name)
	}
	s.Only = []string{"stack", "view", "crash", "sweep", "many", "diff", "mounted"}
	s.Run(t)
}

func openDB(t *testing.T) fs.DB {
	t.Helper()
	file, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	t.Cleanup(func() { file.Close() })
	return fstest.DB(file)
}

// TestMounts: what aufs is told: branches from the top down, as many as fit a page, and then the others.
func TestMounts(t *testing.T) {
	id := func(n int) string { return fmt.Sprintf("%064d", n) }
	chain := func(n int, state fs.State) (list []layers.Row) {
		for i := range n {
			list = append(list, layers.Row{Info: fs.Info{ID: id(i), State: fs.Committed}})
		}
		list[0].State = state
		return list
	}
	at := func(n int) string { return "/d/aufs/diff/" + id(n) }
	for what, c := range map[string]struct {
		root  string
		host  host
		n     int
		state fs.State
		begin []string // of the first call's options
		calls int
	}{
		"a container": {"/d/aufs", host{dirperm: true, xino: true}, 3, fs.Active, []string{"br:" + at(0) + "=rw:" + at(1) +
			"=ro+wh:" + at(2) + "=ro+wh", "dio", "xino=/dev/shm/aufs.xino", "dirperm1"}, 1},
		"on nothing, an older aufs": {"/d/aufs", host{xino: true}, 1, fs.Active, []string{"br:" + at(0) + "=rw", "dio",
			"xino=/dev/shm/aufs.xino"}, 1},
		"without /dev/shm": {"/d/aufs", host{}, 1, fs.Active, []string{"br:" + at(0) + "=rw", "dio"}, 1},
		"a view": {"/d/aufs", host{}, 2, fs.View, []string{"br:" + at(0) + "=ro+wh:" + at(1) + "=ro+wh", "dio", "ro"},
			1},
		"odd names": {"/d:e/aufs", host{}, 2, fs.Active, []string{"br:diff/" + id(0) + "=rw:diff/" + id(1) + "=ro+wh",
			"dio"}, 1},
		"the most":          {"/var/lib/docker/aufs", host{dirperm: true, xino: true}, maxBranches, fs.Active, nil, 4},
		"the most, to read": {"/var/lib/docker/aufs", host{dirperm: true, xino: true}, maxBranches, fs.View, nil, 4},
		"a long way":        {"/" + strings.Repeat("d", 3000), host{xino: true}, 3, fs.Active, nil, 3},
	} {
		calls := (&Driver{root: c.root, host: c.host}).mounts(chain(c.n, c.state))
		if len(calls) != c.calls || c.begin != nil && !slices.Equal(calls[0].Options, c.begin) {
			t.Errorf("%s: %d calls, %v", what, len(calls), calls)
		}
		var dirs []string
		for i, m := range calls {
			text := strings.Join(m.Options, ",")
			if len(text) >= os.Getpagesize() {
				t.Errorf("%s: %d bytes of options", what, len(text))
			}
			if strings.Contains(c.root, ":") != (m.Dir == c.root) || m.Target != c.root+"/mnt/"+id(0) ||
				(m.Options[0] == "remount") != (i > 0) {
				t.Errorf("%s: %+v", what, m)
			}
			for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ':' }) {
				if dir, right, ok := strings.Cut(word, "="); ok && right != "/dev/shm/aufs.xino" {
					dirs = append(dirs, filepath.Base(dir)+right)
				}
			}
		}
		for i, dir := range dirs {
			right := "ro+wh"
			if i == 0 && c.state == fs.Active {
				right = "rw"
			}
			if dir != id(i)+right {
				t.Errorf("%s: branch %d is %s", what, i, dir)
			}
		}
		if len(dirs) != c.n {
			t.Errorf("%s: %d branches", what, len(dirs))
		}
	}
}

// TestFolders: what those find who know the folders of the driver, and how its archives are in them.
func TestFolders(t *testing.T) {
	root := filepath.Join(t.TempDir(), Name)
	db := openDB(t)
	var tries []mount.Mount
	d, err := openOn(t.Context(), withAufs{&tries}, root, db, nil, nil)
	must(t, err)
	defer d.Close()
	if len(tries) != 2 || strings.Join(tries[0].Options, ",") != "br:base=rw,dio" ||
		strings.Join(tries[1].Options, ",") != "br:base=rw,dio,dirperm1" {
		t.Errorf("tried is %+v", tries)
	}
	layer := func(name, parent string, entries ...fstest.Entry) (id string) {
		must(t, d.Prepare(t.Context(), "s", parent, fs.PrepareOptions{}))
		_, err := d.Apply(t.Context(), "s", bytes.NewReader(fstest.Tar(t, entries...)))
		must(t, err, db.Update(func(tx fs.Tx) error {
			return d.Commit(tx, fs.Commit{Staged: "s", Name: name, Parent: parent})
		}))
		info, err := d.Stat(t.Context(), name)
		must(t, err)
		return info.ID
	}
	low := layer("low", "", fstest.Entry{Name: "a", Body: "a"}, fstest.Entry{Name: "d/"}, fstest.Entry{Name: "d/x"},
		fstest.Entry{Name: "e/"}, fstest.Entry{Name: "f/"}, fstest.Entry{Name: "g"})
	high := layer("high", "low",
		fstest.Entry{Name: ".wh.a"},
		fstest.Entry{Name: "d/"}, fstest.Entry{Name: "d/.wh..wh..opq"}, fstest.Entry{Name: "d/y", Body: "y"},
		fstest.Entry{Name: ".wh.e"}, fstest.Entry{Name: "e/"}, fstest.Entry{Name: "e/new"}, // in the place of another
		fstest.Entry{Name: "f/"}, fstest.Entry{Name: ".wh.f"}, // the same in the other order
		fstest.Entry{Name: ".wh.g"}, fstest.Entry{Name: "g", Body: "new"}, // a file needs no mark
		fstest.Entry{Name: ".wh.h"}, fstest.Entry{Name: "h/below/f"}, // a folder that no entry describes
		fstest.Entry{Name: ".wh..wh.plnk/12.34", Body: "books"}, fstest.Entry{Name: ".wh..wh.aufs"},
		fstest.Entry{Name: "d/.wh.sub/f", Body: "below a mark"})
	must(t, d.Prepare(t.Context(), "c", "high", fs.PrepareOptions{Purpose: fs.ForContainer}))
	for dir, want := range map[string]string{
		"":                    ".rows .tar-split diff layers mnt",
		"diff/" + high:        ".wh.a d e f g h",
		"diff/" + high + "/d": ".wh..wh..opq y", "diff/" + high + "/e": ".wh..wh..opq new",
		"diff/" + high + "/f": ".wh..wh..opq", "diff/" + high + "/h": ".wh..wh..opq below",
		"diff/c": "", "mnt/c": "",
	} {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		must(t, err)
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("in %s is %s, want %s", dir, got, want)
		}
	}
	for name, want := range map[string]string{low: "", high: low + "\n", "c": high + "\n" + low + "\n"} {
		if got, err := os.ReadFile(filepath.Join(root, "layers", name)); err != nil || string(got) != want {
			t.Errorf("layers of %s are %q: %v", name, got, err)
		}
	}
	want := [][2]string{{"Root Dir", root}, {"Backing Filesystem", layers.Backing(root)}, {"Dirs", "3"},
		{"Dirperm1 Supported", "true"}}
	if got := d.Status(); !slices.Equal(got, want) {
		t.Errorf("status is %v, want %v", got, want)
	}
	err = d.Prepare(t.Context(), "q", "high", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: 1})
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "--storage-opt is not supported for aufs") {
		t.Error(err)
	}
}

// TestWithout: where the kernel has none, it is said what is missing and what would bring it, and nothing is left.
func TestWithout(t *testing.T) {
	if known, _ := (system{}).known(); known {
		t.Skip("the kernel has aufs")
	}
	dir := t.TempDir()
	_, err := Open(t.Context(), filepath.Join(dir, Name), openDB(t), nil, nil)
	for _, err := range []error{err, Probe(dir)} {
		for _, text := range []string{"this kernel has no aufs (/proc/filesystems)", "would bring it"} {
			if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), text) {
				t.Errorf("%q is not in: %v", text, err)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	err = CheckOptions([]string{"aufs.size=1"})
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "aufs.size is not known to aufs") {
		t.Error(err)
	}
}
