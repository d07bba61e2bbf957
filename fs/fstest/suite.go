// Package fstest is the suite that every storage driver passes, and tars to try it on.
package fstest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/mount"
)

// Suite is a driver under test.
type Suite struct {
	// Open opens it on a folder and a file of tables, as a start of the daemon does. It changes the disk through d
	// alone, which is nil for the kernel.
	Open func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error)
	// Waits tells whether a path is what stays of a layer that was removed while it was in use; nil where nothing does.
	Waits func(path string) bool
	// Root makes a folder for the driver that goes with the test; nil for one of the temporary files.
	Root func(t *testing.T) string
	// Quota says that the driver limits the size of layers.
	Quota bool
	// Limit is a size in bytes, more than 4 MiB, that the test of limits gives to a layer; 0 for no such test.
	Limit int64
	// LongestName is that of a file in bytes; 0 for 255.
	LongestName int
	// Only names the tests to run; all if it is empty.
	Only []string
}

// bench is one driver on a folder of its own, which can be opened again as after a crash.
type bench struct {
	*testing.T
	fs.Driver
	suite Suite
	root  string
	path  string
	file  *bbolt.DB
	db    fs.DB      // of file
	disk  *disk.Disk // of the next start
}

func newBench(t *testing.T, s Suite) *bench {
	root := t.TempDir
	if s.Root != nil {
		root = func() string { return s.Root(t) }
	}
	b := &bench{T: t, suite: s, root: root()}
	b.path = filepath.Join(t.TempDir(), "box.db")
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bench) start() {
	b.Helper()
	db, err := bbolt.Open(b.path, 0o600, &bbolt.Options{NoSync: true}) // the machine does not go down
	if err != nil {
		b.Fatal(err)
	}
	b.file, b.db = db, DB(db)
	d, err := b.suite.Open(b.T, b.root, b.db, b.disk)
	if err != nil {
		b.Fatal(err)
	}
	b.Driver = d
}

func (b *bench) stop() {
	b.Helper()
	if err := errors.Join(b.Driver.Close(), b.file.Close()); err != nil {
		b.Error(err)
	}
}

// restart opens the driver anew. Nothing was told to end properly but the tables' file, so what the driver finds is
// what a crash leaves.
func (b *bench) restart() {
	b.Helper()
	b.stop()
	b.start()
}

// layer applies a tar and commits it. It is not synced, since that takes what others have written too.
func (b *bench) layer(name, parent string, entries ...Entry) []byte {
	b.Helper()
	raw := Tar(b, entries...)
	b.must(b.Prepare(b.Context(), "staged-"+name, parent, fs.PrepareOptions{}))
	size, err := b.Apply(b.Context(), "staged-"+name, bytes.NewReader(raw))
	b.must(err)
	b.must(b.db.Update(func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: "staged-" + name, Name: name, Parent: parent, Size: size})
	}))
	return raw
}

// container prepares a container's layer.
func (b *bench) container(name, parent string) {
	b.Helper()
	b.must(b.Prepare(b.Context(), name, parent, fs.PrepareOptions{Purpose: fs.ForContainer}))
}

// mounted mounts a layer until the test ends or the function returned is called.
func (b *bench) mounted(name string) (root string, unmount func()) {
	b.Helper()
	root, mounts, err := b.Mounts(b.Context(), name)
	b.must(err)
	b.must(mount.All(mounts))
	undo := func() {
		b.must(mount.Undo(mounts))
		if r, ok := b.Driver.(fs.Releaser); ok {
			if err := r.Release(context.Background(), name); err != nil && !errdefs.IsNotFound(err) {
				b.Error(err)
			}
		}
	}
	b.Cleanup(undo)
	return root, undo
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// reads checks a file's content; want "" says that it is missing.
func (b *bench) reads(root, name, want string) {
	b.Helper()
	got, err := os.ReadFile(filepath.Join(root, name))
	switch {
	case want == "" && errors.Is(err, os.ErrNotExist):
	case err != nil:
		b.Error(err)
	case string(got) != want:
		b.Errorf("%s holds %q, want %q", name, got, want)
	}
}

// folders lists what is in the driver's root, two levels deep: less than a change of it shows.
func (b *bench) folders() []string {
	b.Helper()
	found, err := filepath.Glob(filepath.Join(b.root, "*"))
	b.must(err)
	below, err := filepath.Glob(filepath.Join(b.root, "*", "*"))
	b.must(err)
	return append(found, below...)
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(b *bench)
	}{
		{"stack", stack},
		{"metadata", metadata},
		{"tar", exactTar},
		{"rebase", rebase},
		{"errors", classes},
		{"children", children},
		{"view", view},
		{"deferred", deferred},
		{"crash", crash},
		{"sweep", sweep},
		{"hostile", hostile},
		{"commit", commitFails},
		{"many", manyLayers},
		{"diff", diff},
		{"generations", generations},
		{"rewritten", rewritten},
		{"tree", layerTree},
		{"entries", entries},
		{"replaced", replaced},
		{"deep", deep},
		{"concurrent", concurrent},
		{"usage", usage},
		{"mounted", removedWhileMounted},
		{"failure", failure},
		{"crash anywhere", crashAnywhere},
		{"full", full},
		{"limit", limit},
	} {
		if len(s.Only) == 0 || slices.Contains(s.Only, c.name) {
			t.Run(c.name, func(t *testing.T) { c.test(newBench(t, s)) })
		}
	}
}

// stack: a container sees the layers as one, deletions included, and its writes are its own.
func stack(b *bench) {
	needMounts(b)
	b.layer("base", "", Entry{Name: "a", Body: "1"}, Entry{Name: "d/"}, Entry{Name: "d/x", Body: "x"}, Entry{Name: "e/"},
		Entry{Name: "e/y", Body: "y"})
	b.layer("top", "base", Entry{Name: "a", Body: "2"}, Entry{Name: ".wh.e"}, Entry{Name: "d/"},
		Entry{Name: "d/.wh..wh..opq"}, Entry{Name: "d/z", Body: "z"})
	b.container("c1", "top")
	b.container("c2", "top")
	r1, undo := b.mounted("c1")
	b.reads(r1, "a", "2")
	b.reads(r1, "d/x", "")
	b.reads(r1, "d/z", "z")
	b.reads(r1, "e/y", "")
	b.must(os.WriteFile(filepath.Join(r1, "mine"), []byte("c1"), 0o600))
	b.must(os.WriteFile(filepath.Join(r1, "a"), []byte("c1"), 0o600))
	r2, _ := b.mounted("c2")
	b.reads(r2, "mine", "")
	b.reads(r2, "a", "2")
	undo()
	b.restart()
	r1, _ = b.mounted("c1")
	b.reads(r1, "mine", "c1")
}

func needMounts(b *bench) {
	b.Helper()
	if os.Geteuid() != 0 && b.Name() != "vfs" {
		b.Skip("mounts need root")
	}
}

// metadata: owners, modes, times, attributes, devices and hard links arrive.
func metadata(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("owners and devices need root")
	}
	capability := "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	b.layer("m", "",
		Entry{Name: "dir/", Mode: 0o1777, UID: 7, GID: 8},
		Entry{Name: "dir/su", Body: "x", Mode: 0o4755, UID: 1000, GID: 1001},
		Entry{Name: "dir/hard", Link: "dir/su", Hard: true},
		Entry{Name: "dir/link", Link: "/nowhere"},
		Entry{Name: "dir/fifo", Type: '6', Mode: 0o600},
		Entry{Name: "dir/null", Type: '3', Mode: 0o666, Dev: [2]int64{1, 3}},
		Entry{Name: "dir/cap", Body: "c", Mode: 0o755, UID: 3,
			Attr: map[string]string{"security.capability": capability, "user.x": "y"}},
	)
	b.container("c", "m")
	root, _ := b.mounted("c")
	for _, row := range []struct {
		name     string
		mode     uint32
		uid, gid uint32
		nlink    uint64
	}{
		{"dir", unix.S_IFDIR | 0o1777, 7, 8, 0},
		{"dir/su", unix.S_IFREG | 0o4755, 1000, 1001, 2},
		{"dir/hard", unix.S_IFREG | 0o4755, 1000, 1001, 2},
		{"dir/fifo", unix.S_IFIFO | 0o600, 0, 0, 1},
		{"dir/null", unix.S_IFCHR | 0o666, 0, 0, 1},
		{"dir/cap", unix.S_IFREG | 0o755, 3, 0, 1},
	} {
		var st unix.Stat_t
		b.must(unix.Lstat(filepath.Join(root, row.name), &st))
		if st.Mode != row.mode || st.Uid != row.uid || st.Gid != row.gid || row.nlink != 0 && uint64(st.Nlink) != row.nlink {
			b.Errorf("%s: mode %o owner %d:%d links %d, want %o %d:%d %d", row.name, st.Mode, st.Uid, st.Gid, st.Nlink, row.mode,
				row.uid, row.gid, row.nlink)
		}
		if st.Mtim.Nano() != When().UnixNano() {
			b.Errorf("%s: time %d, want %d", row.name, st.Mtim.Nano(), When().UnixNano())
		}
	}
	value := make([]byte, 64)
	n, err := unix.Lgetxattr(filepath.Join(root, "dir/cap"), "security.capability", value)
	if err != nil || string(value[:n]) != capability {
		b.Errorf("capability %q %v", value[:max(n, 0)], err)
	}
}

// rebase: layers of a driver that can are applied before their parents are known.
func rebase(b *bench) {
	r, ok := b.Driver.(fs.Rebaser)
	if !ok || !r.Rebases() {
		b.Skip("the driver does not rebase")
	}
	for _, s := range []string{"1", "2", "3"} {
		b.must(b.Prepare(b.Context(), s, "", fs.PrepareOptions{}))
		_, err := b.Apply(b.Context(), s, bytes.NewReader(Tar(b, Entry{Name: "f", Body: s}, Entry{Name: "own" + s, Body: s})))
		b.must(err)
	}
	b.must(b.Sync(b.Context(), "1", "2", "3"))
	b.must(b.db.Update(func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: "3", Name: "A"}, fs.Commit{Staged: "1", Name: "B", Parent: "A"},
			fs.Commit{Staged: "2", Name: "C", Parent: "B"})
	}))
	b.container("c", "C")
	root, _ := b.mounted("c")
	b.reads(root, "f", "2")
	b.reads(root, "own1", "1")
	b.reads(root, "own3", "3")
}

// classes: errors have the class that the interface promises.
func classes(b *bench) {
	b.layer("x", "", Entry{Name: "f"})
	ctx := b.Context()
	_, err := b.Stat(ctx, "no")
	_, _, mountErr := b.Mounts(ctx, "x")
	_, applyErr := b.Apply(ctx, "x", bytes.NewReader(nil))
	for what, ok := range map[string]bool{
		"stat of a missing layer": errdefs.IsNotFound(err),
		"layer twice":             errdefs.IsAlreadyExists(b.Prepare(ctx, "x", "", fs.PrepareOptions{})),
		"missing parent":          errdefs.IsNotFound(b.Prepare(ctx, "y", "no", fs.PrepareOptions{})),
		"quota": b.suite.Quota || errdefs.IsNotImplemented(b.Prepare(ctx, "y", "",
			fs.PrepareOptions{Quota: 1})),
		"key that is a path": errdefs.IsInvalidArgument(b.Prepare(ctx, "../y", "",
			fs.PrepareOptions{Purpose: fs.ForContainer})),
		"mount of an image's layer": errdefs.IsFailedPrecondition(mountErr),
		"fill of an image's layer":  errdefs.IsFailedPrecondition(applyErr),
		"removal of what is not":    b.Remove(ctx, "no") == nil,
		"commit of what is not": errdefs.IsNotFound(b.db.Update(func(tx fs.Tx) error {
			return b.Commit(tx,
				fs.Commit{Staged: "no", Name: "n"})
		})),
		"usage of a missing layer":    errdefs.IsNotFound(second(b.Usage(ctx, "no"))),
		"view of nothing":             errdefs.IsInvalidArgument(b.View(ctx, "v", "")),
		"prepare left nothing behind": errdefs.IsNotFound(second(b.Stat(ctx, "y"))),
	} {
		if !ok {
			b.Errorf("%s: wrong class of error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }
