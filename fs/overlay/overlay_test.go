package overlay

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/fstest"
)

func open(t *testing.T, root string, db *bbolt.DB) fs.Driver {
	t.Helper()
	d, err := Open(t.Context(), root, db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSuite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Run(t, open)
}

func TestRootWithOddName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Run(t, func(t *testing.T, root string, db *bbolt.DB) fs.Driver {
		return open(t, filepath.Join(root, "a,b:c"), db)
	})
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		opt string
		ok  bool
	}{{"overlay2.override_kernel_check=1", true}, {"overlay2.size=1G", false}, {"dm.basesize=1G", false}} {
		if err := checkOptions([]string{row.opt}); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.opt, err)
		}
	}
}

// TestRecycle has a layer made of a removed one's files: what was in it is there, under the new name; a layer of another parent, one
// whose parent was removed and came back, and one that was never called recyclable get none of it.
func TestRecycle(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	root := t.TempDir()
	db, err := bbolt.Open(filepath.Join(root, "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dir := filepath.Join(root, "overlay2")
	d := open(t, dir, db).(*Driver)
	base := func(name string) {
		check(t, d.Prepare(t.Context(), "staged-"+name, "", fs.PrepareOptions{}))
		check(t, db.Update(func(tx *bbolt.Tx) error { return d.Commit(tx, fs.Commit{Staged: "staged-" + name, Name: name}) }))
	}
	base("one")
	base("two")
	keep := func(name string) {
		check(t, db.Update(func(tx *bbolt.Tx) error { return d.Keep(tx, name) }))
	}
	fresh := func(name, parent string) {
		check(t, d.Prepare(t.Context(), name, parent, fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true}))
		check(t, os.WriteFile(filepath.Join(dir, name, "diff", "file"), []byte(parent), 0o644))
		keep(name)
	}
	reuse := func(name, parent string, want bool) {
		t.Helper()
		got, err := d.Reuse(name, parent, fs.IDMaps{})
		if err != nil || got != want {
			t.Fatalf("reuse for %s on %s: %v, %v; want %v", name, parent, got, err, want)
		}
	}

	fresh("a", "one")
	check(t, d.Remove(t.Context(), "a"))
	reuse("b", "one", false) // nobody said that a was recyclable
	fresh("c", "one")
	check(t, d.Recyclable("c"))
	check(t, d.Remove(t.Context(), "c"))
	reuse("d", "two", false)
	reuse("d", "one", true)
	keep("d")
	reuse("e", "one", false) // there was one
	for _, link := range []string{filepath.Join(dir, "d", "diff"), filepath.Join(dir, "l", read(t, dir, "d", "link"))} {
		if got := read(t, link, "file"); got != "one" {
			t.Errorf("%s has %q", link, got)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "c")); !os.IsNotExist(err) {
		t.Errorf("the removed layer is seen still: %v", err)
	}

	check(t, d.Remove(t.Context(), "d")) // recyclable again, being made of one
	check(t, d.Remove(t.Context(), "one"))
	base("one")
	reuse("f", "one", false)
	fresh("g", "one")
	check(t, d.Recyclable("g"))
	check(t, d.Remove(t.Context(), "g"))
	emptied(t, dir, 2)
	fresh("h", "two")
	check(t, d.Recyclable("h"))
	check(t, d.Remove(t.Context(), "h"))
	check(t, d.Close())
	if left := folders(t, dir); left != 2 {
		t.Errorf("%d folders are left after Close", left)
	}
}

// TestRecycleCut: what waits when the daemon is killed is an orphan.
func TestRecycleCut(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	root := t.TempDir()
	db, err := bbolt.Open(filepath.Join(root, "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dir := filepath.Join(root, "overlay2")
	d := open(t, dir, db).(*Driver)
	check(t, d.Prepare(t.Context(), "staged", "", fs.PrepareOptions{}))
	check(t, db.Update(func(tx *bbolt.Tx) error { return d.Commit(tx, fs.Commit{Staged: "staged", Name: "one"}) }))
	for _, name := range []string{"kept", "made"} {
		check(t, d.Prepare(t.Context(), name, "one", fs.PrepareOptions{Purpose: fs.ForContainer}))
		check(t, d.Recyclable(name))
		check(t, d.Remove(t.Context(), name))
	}
	if made, err := d.Reuse("unsaved", "one", fs.IDMaps{}); err != nil || !made {
		t.Fatalf("reuse: %v, %v", made, err)
	}
	next := open(t, dir, db) // of the next daemon
	emptied(t, dir, 1)
	check(t, next.Close())
}

// emptied waits until no more than want folders are left.
func emptied(t *testing.T, dir string, want int) {
	t.Helper()
	for began := time.Now(); folders(t, dir) != want; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d folders are left, want %d", folders(t, dir), want)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(path...))
	check(t, err)
	return string(raw)
}

// folders counts what is in the driver's folder beside the short names.
func folders(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	return len(entries) - 1
}
