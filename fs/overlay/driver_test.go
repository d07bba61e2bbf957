package overlay

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
	"box/fs/mount"
)

func open(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
	return Open(t.Context(), root, db, d, nil)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
}

func TestSuite(t *testing.T) {
	needRoot(t)
	fstest.Suite{Open: open}.Run(t)
}

func TestRootWithOddName(t *testing.T) {
	needRoot(t)
	fstest.Suite{Open: open, Root: func(t *testing.T) string { return filepath.Join(t.TempDir(), "a,b:c") }}.Run(t)
}

// bench is a driver whose folders are looked at.
type bench struct {
	*testing.T
	fs.Driver
	root string
	db   fs.DB
}

func newBench(t *testing.T) *bench {
	needRoot(t)
	file, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, root: t.TempDir(), db: fstest.DB(file)}
	if b.Driver, err = open(t, b.root, b.db, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(); _ = file.Close() })
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) layer(name, parent string, entries ...fstest.Entry) {
	b.Helper()
	b.must(b.Prepare(b.Context(), "staged", parent, fs.PrepareOptions{}))
	size, err := b.Apply(b.Context(), "staged", bytes.NewReader(fstest.Tar(b, entries...)))
	b.must(err)
	b.must(b.db.Update(func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: "staged", Name: name, Parent: parent, Size: size})
	}))
}

// mounted mounts a container until the test ends.
func (b *bench) mounted(name string) (root string) {
	b.Helper()
	root, mounts, err := b.Mounts(b.Context(), name)
	b.must(err)
	b.must(mount.All(mounts))
	b.Cleanup(func() {
		for _, m := range mounts {
			b.must(mount.Unmount(m.Target))
		}
	})
	return root
}

// inode tells a file, with its mode and how many names it has.
func (b *bench) inode(parts ...string) unix.Stat_t {
	b.Helper()
	var st unix.Stat_t
	b.must(unix.Lstat(filepath.Join(parts...), &st))
	return st
}

func (b *bench) folders(name string) map[string]string {
	b.Helper()
	at, err := b.Driver.(fs.Locator).Folders(b.Context(), name)
	b.must(err)
	return at
}

// Layers share what they have in common, and nothing that happens to one shows in another: an entry of an archive takes
// the place of a link, whatever its kind, and never writes through it.
func TestLayersShareFiles(t *testing.T) {
	b := newBench(t)
	b.layer("low", "", fstest.Entry{Name: "d/"}, fstest.Entry{Name: "d/same", Body: "same"},
		fstest.Entry{Name: "d/new", Body: "old content"}, fstest.Entry{Name: "d/mode", Body: "mode", Mode: 0o600},
		fstest.Entry{Name: "d/gone", Body: "gone"}, fstest.Entry{Name: "link", Link: "d/same"},
		fstest.Entry{Name: "pipe", Type: '6', Mode: 0o600}, fstest.Entry{Name: "old", Body: "under two names"})
	b.layer("high", "low", fstest.Entry{Name: "d/", Mode: 0o700}, fstest.Entry{Name: "d/new", Body: "new"},
		fstest.Entry{Name: "d/mode", Body: "mode", Mode: 0o4755, UID: 7}, fstest.Entry{Name: "d/.wh.gone"},
		fstest.Entry{Name: "link", Link: "elsewhere"}, fstest.Entry{Name: "pipe", Type: '6', Mode: 0o666, UID: 9},
		fstest.Entry{Name: "second", Link: "old", Hard: true})
	low, high := b.folders("low")["RootDir"], b.folders("high")["RootDir"]
	for name, shared := range map[string]bool{"d/same": true, "old": true, "d/new": false, "d/mode": false, "link": false,
		"pipe": false, "d": false} {
		if is := b.inode(low, name).Ino == b.inode(high, name).Ino; is != shared {
			b.Errorf("%s is shared: %v", name, is)
		}
	}
	if st := b.inode(low, "d/mode"); st.Mode&0o7777 != 0o600 || st.Uid != 0 {
		b.Errorf("the layer above changed the mode below: %o of %d", st.Mode, st.Uid)
	}
	if st := b.inode(low, "pipe"); st.Mode&0o7777 != 0o600 || st.Uid != 0 {
		b.Errorf("the layer above changed the pipe below: %o of %d", st.Mode, st.Uid)
	}
	for name, want := range map[string]string{"d/new": "old content", "d/gone": "gone"} {
		if got, err := os.ReadFile(filepath.Join(low, name)); err != nil || string(got) != want {
			b.Errorf("%s below is %q: %v", name, got, err)
		}
	}
	if to, err := os.Readlink(filepath.Join(low, "link")); err != nil || to != "d/same" {
		b.Errorf("the link below leads to %q: %v", to, err)
	}
	usage, err := b.Usage(b.Context(), "high")
	if want := (fs.Usage{Bytes: 3 + 4 + int64(len("elsewhere")), Inodes: 5}); err != nil || usage != want {
		b.Errorf("usage is %+v, want %+v: %v", usage, want, err)
	}
	b.must(b.Prepare(b.Context(), "c", "high", fs.PrepareOptions{Purpose: fs.ForContainer}))
	root := b.mounted("c")
	b.must(os.WriteFile(filepath.Join(root, "d/same"), []byte("written by a container"), 0o644))
	b.must(os.Chmod(filepath.Join(root, "old"), 0o777))
	for _, dir := range []string{low, high} {
		if got, err := os.ReadFile(filepath.Join(dir, "d/same")); err != nil || string(got) != "same" {
			b.Errorf("a container wrote into %s: %q %v", dir, got, err)
		}
		if st := b.inode(dir, "old"); st.Mode&0o777 != 0o644 {
			b.Errorf("a container changed the mode in %s to %o", dir, st.Mode)
		}
	}
}

// A container begins with what its -init layer has, and its changes are told against that: what it deletes of it too,
// though the one lower folder has nothing to hide.
func TestInitLayer(t *testing.T) {
	b := newBench(t)
	b.layer("image", "", fstest.Entry{Name: "etc/"}, fstest.Entry{Name: "etc/hosts", Body: "image's"},
		fstest.Entry{Name: "old/"}, fstest.Entry{Name: "old/f", Body: "f"}, fstest.Entry{Name: "etc/passwd", Body: "p"})
	o := fs.PrepareOptions{Purpose: fs.ForContainer}
	b.must(b.Prepare(b.Context(), "c-init", "image", o))
	init := b.mounted("c-init")
	b.must(os.WriteFile(filepath.Join(init, "etc/hosts"), nil, 0o644))
	b.must(os.MkdirAll(filepath.Join(init, "dev/pts"), 0o755))
	b.must(os.WriteFile(filepath.Join(init, "dev/console"), nil, 0o600))
	b.must(os.WriteFile(filepath.Join(init, ".dockerenv"), nil, 0o755))
	b.must(os.Remove(filepath.Join(init, "etc/passwd")))
	b.must(os.RemoveAll(filepath.Join(init, "old")))
	b.must(os.Mkdir(filepath.Join(init, "old"), 0o755)) // opaque
	b.must(b.Prepare(b.Context(), "c", "c-init", o))
	b.changed("c")
	if usage, err := b.Usage(b.Context(), "c"); err != nil || usage != (fs.Usage{}) {
		b.Errorf("an unused container takes %+v: %v", usage, err)
	}
	root := b.mounted("c")
	for name, there := range map[string]bool{".dockerenv": true, "dev/pts": true, "etc/passwd": false, "old/f": false} {
		if _, err := os.Lstat(filepath.Join(root, name)); (err == nil) != there {
			b.Errorf("%s: %v", name, err)
		}
	}
	b.must(os.Remove(filepath.Join(root, ".dockerenv")))
	b.must(os.RemoveAll(filepath.Join(root, "dev")))
	b.must(os.Mkdir(filepath.Join(root, "dev"), 0o755))
	b.must(os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("again"), 0o644))
	b.must(os.Remove(filepath.Join(root, "etc/hosts")))
	b.must(os.WriteFile(filepath.Join(root, "old/g"), []byte("g"), 0o644))
	b.changed("c", "D /.dockerenv", "C /dev", "D /dev/console", "D /dev/pts", "C /etc", "D /etc/hosts", "A /etc/passwd",
		"C /old", "A /old/g")
	if got, err := os.ReadFile(filepath.Join(init, "etc/hosts")); err != nil || len(got) > 0 {
		b.Errorf("the -init layer was written to: %q %v", got, err)
	}
}

// changed checks what a container changed.
func (b *bench) changed(name string, want ...string) {
	b.Helper()
	changes, err := b.Driver.(fs.Differ).Changes(b.Context(), name)
	b.must(err)
	var got []string
	for _, c := range changes {
		got = append(got, string("CAD"[c.Kind])+" "+c.Path)
	}
	if !slices.Equal(got, want) {
		b.Errorf("changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What people find in the folders: a tree of an image's layer, and the four entries of a container and its -init layer.
func TestFolders(t *testing.T) {
	b := newBench(t)
	b.layer("image", "", fstest.Entry{Name: "f", Body: "f"})
	o := fs.PrepareOptions{Purpose: fs.ForContainer}
	b.must(b.Prepare(b.Context(), "c-init", "image", o))
	b.must(b.Prepare(b.Context(), "c", "c-init", o))
	info, err := b.Stat(b.Context(), "image")
	b.must(err)
	for id, want := range map[string]string{info.ID: "root", "c": "lower-id merged upper work",
		"c-init": "lower-id merged upper work"} {
		var names []string
		entries, err := os.ReadDir(filepath.Join(b.root, id))
		b.must(err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				names = append(names, e.Name())
			}
		}
		if got := strings.Join(names, " "); got != want {
			b.Errorf("%s holds %s, want %s", id, got, want)
		}
	}
	for _, c := range []string{"c", "c-init"} {
		if got, err := os.ReadFile(filepath.Join(b.root, c, "lower-id")); err != nil || string(got) != info.ID {
			b.Errorf("%s stands on %q, want %s: %v", c, got, info.ID, err)
		}
	}
	at := b.folders("c")
	for key, want := range map[string]string{"LowerDir": info.ID + "/root", "UpperDir": "c/upper", "WorkDir": "c/work",
		"MergedDir": "c/merged"} {
		if at[key] != filepath.Join(b.root, want) {
			b.Errorf("%s is %s", key, at[key])
		}
	}
	_, mounts, err := b.Mounts(b.Context(), "c")
	b.must(err)
	want := "lowerdir=" + at["LowerDir"] + ",upperdir=" + at["UpperDir"] + ",workdir=" + at["WorkDir"]
	if got := strings.Join(mounts[0].Options, ","); len(mounts) != 1 || !strings.HasPrefix(got, want) {
		b.Errorf("mounted is %+v", mounts)
	}
	for _, name := range []string{"c", "c-init", "image"} {
		b.must(b.Remove(b.Context(), name))
	}
	if left, err := os.ReadDir(b.root); err != nil || len(left) > 0 {
		b.Errorf("left are %v: %v", left, err)
	}
}

// A container whose folders were lost with the power after its row was written is made again, from its -init layer.
func TestLostFoldersAreMadeAgain(t *testing.T) {
	b := newBench(t)
	b.layer("image", "", fstest.Entry{Name: "f", Body: "f"})
	o := fs.PrepareOptions{Purpose: fs.ForContainer}
	b.must(b.Prepare(b.Context(), "c-init", "image", o))
	b.must(os.WriteFile(filepath.Join(b.folders("c-init")["UpperDir"], ".dockerenv"), nil, 0o755))
	b.must(b.Prepare(b.Context(), "c", "c-init", o))
	b.must(os.RemoveAll(filepath.Join(b.root, "c")))
	root := b.mounted("c")
	for _, name := range []string{"f", ".dockerenv"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			b.Error(err)
		}
	}
}

func TestOptions(t *testing.T) {
	if err := CheckOptions([]string{"overlay.size=1G"}); err == nil || !strings.Contains(err.Error(), "overlay.size=1G") {
		t.Error(err)
	}
}

// A lost table is made again from what lies beside the layers, whole or without the containers that nobody wants.
func TestRecovered(t *testing.T) {
	b := newBench(t)
	b.layer("low", "", fstest.Entry{Name: "f", Body: "f"})
	b.layer("high", "low", fstest.Entry{Name: "g", Body: "g"})
	o := fs.PrepareOptions{Purpose: fs.ForContainer}
	for _, c := range []string{"kept", "lost"} {
		b.must(b.Prepare(b.Context(), c+"-init", "high", o))
		b.must(b.Prepare(b.Context(), c, c+"-init", o))
	}
	b.must(b.Close())
	file, err := bbolt.Open(filepath.Join(b.TempDir(), "box.db"), 0o600, nil)
	b.must(err)
	defer file.Close()
	place := PlaceOf(b.root, nil)
	found, err := place.Recover(fstest.DB(file), func(layer string) bool { return strings.HasPrefix(layer, "kept") })
	b.must(err)
	for name, parent := range map[string]string{"low": "", "high": "low", "kept-init": "high", "kept": "kept-init"} {
		if info, ok := found.Layers[name]; !ok || info.Parent != parent {
			b.Errorf("%s is found as %+v", name, info)
		}
	}
	if want := []string{filepath.Join(b.root, "lost"), filepath.Join(b.root, "lost-init")}; len(found.Layers) != 4 ||
		!slices.Equal(found.Left, want) {
		b.Errorf("found are %v, left %v", found.Layers, found.Left)
	}
	b.db = fstest.DB(file)
	b.Driver, err = open(t, b.root, b.db, nil)
	b.must(err)
	defer b.Close()
	root := b.mounted("kept")
	if got, err := os.ReadFile(filepath.Join(root, "g")); err != nil || string(got) != "g" {
		b.Errorf("%q, %v", got, err)
	}
}
