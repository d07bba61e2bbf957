package btrfs

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/fstest"
	"box/fs/snapshots"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// opened is a driver in a folder of a btrfs, with the layer base.
func opened(t *testing.T, at string, opts ...string) (d *snapshots.Driver, root string, db fs.DB) {
	t.Helper()
	root = filepath.Join(newRoot(t, at), Name)
	file, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	db = fstest.DB(file)
	d, err = Open(t.Context(), root, db, nil, opts)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close(), file.Close()) })
	raw := fstest.Tar(t, fstest.Entry{Name: "a/b/"}, fstest.Entry{Name: "a/b/f", Body: strings.Repeat("f", 1<<20)},
		fstest.Entry{Name: "other/"}, fstest.Entry{Name: "other/g", Body: "g"})
	must(t, d.Prepare(t.Context(), "s", "", fs.PrepareOptions{}))
	_, err = d.Apply(t.Context(), "s", bytes.NewReader(raw))
	must(t, err, d.Sync(t.Context(), "s"),
		db.Update(func(tx fs.Tx) error { return d.Commit(tx, fs.Commit{Staged: "s", Name: "base"}) }))
	return d, root, db
}

func container(t *testing.T, d fs.Driver, name string, quota int64) string {
	t.Helper()
	must(t, d.Prepare(t.Context(), name, "base", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: quota}))
	root, _, err := d.Mounts(t.Context(), name)
	must(t, err)
	return root
}

// nest makes a subvolume at path with a file in it.
func nest(t *testing.T, path string) {
	t.Helper()
	dir, err := os.Open(filepath.Dir(path))
	must(t, err)
	defer dir.Close()
	must(t, create(dir, filepath.Base(path)), os.WriteFile(filepath.Join(path, "in"), []byte("in"), 0o600))
}

func numbers(t *testing.T, at string) (all []uint64) {
	t.Helper()
	f, err := os.Open(at)
	must(t, err)
	defer f.Close()
	const backRef = 144
	k := key{tree: rootTree, minObject: firstInode, maxObject: ^uint64(0) - 256, maxKind: 255}
	must(t, search(f, k, func(it item) error {
		if it.kind == backRef {
			all = append(all, it.object)
		}
		return nil
	}))
	return all
}

// Subvolumes that a program made in its container go with it, however deep and whatever their names.
func nestedGo(t *testing.T, at string) {
	d, root, _ := opened(t, at)
	before := numbers(t, root)
	c := container(t, d, "c", 0)
	nest(t, filepath.Join(c, "one"))
	must(t, os.MkdirAll(filepath.Join(c, "one/d/e"), 0o755))
	nest(t, filepath.Join(c, "one/d/e/name\xff\n"))
	nest(t, filepath.Join(c, "one/d/e/name\xff\n/three"))
	nest(t, filepath.Join(c, "a/b/four"))
	must(t, os.Rename(filepath.Join(c, "a"), filepath.Join(c, "moved")))
	if n := len(numbers(t, root)); n != len(before)+5 {
		t.Fatalf("%d subvolumes, had %d", n, len(before))
	}
	changes, err := d.Changes(t.Context(), "c")
	must(t, err)
	for _, want := range []string{"/one/d/e/name\xff\n/three/in", "/moved/b/four/in", "/moved/b/f"} {
		if !slices.Contains(changes, fs.Change{Path: want, Kind: fs.Added}) {
			t.Errorf("%q is no change: %v", want, changes)
		}
	}
	must(t, d.Remove(t.Context(), "c"))
	if after := numbers(t, root); !slices.Equal(before, after) {
		t.Errorf("subvolumes %v, want %v", after, before)
	}
}

// Where the kernel deletes none by number, they are found by their paths.
func nestedByPath(t *testing.T, at string) {
	d, _, _ := opened(t, at)
	c := container(t, d, "c", 0)
	nest(t, filepath.Join(c, "a/b/in"))
	f, err := os.Open(c)
	must(t, err)
	defer f.Close()
	id, err := idOf(f)
	must(t, err)
	list, err := below(f, id)
	must(t, err)
	if len(list) != 1 || list[0].name != "in" {
		t.Fatal(list)
	}
	path, err := pathOf(f, id, list[0].folder)
	must(t, err)
	dir, err := openBelow(f, path)
	must(t, err)
	defer dir.Close()
	must(t, destroy(dir, list[0].name))
	if path != "a/b/" {
		t.Errorf("path %q", path)
	}
}

// A subvolume without a row goes when the driver is opened, with those in it.
func orphansGo(t *testing.T, at string) {
	d, root, db := opened(t, at)
	before := numbers(t, root)
	orphan := filepath.Join(root, folder, "orphan")
	nest(t, orphan)
	nest(t, filepath.Join(orphan, "nested"))
	again, err := Open(t.Context(), root, db, nil, nil)
	must(t, err)
	for deadline := time.Now().Add(time.Minute); !slices.Equal(before, numbers(t, root)); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("subvolumes %v, want %v", numbers(t, root), before)
		}
	}
	must(t, again.Close())
	if _, err := d.Stat(t.Context(), "base"); err != nil {
		t.Error(err)
	}
}

// The folders in which nothing changed are known, and those of a tree that was not made from the other are not.
func unchangedFolders(t *testing.T, at string) {
	d, root, _ := opened(t, at)
	c := container(t, d, "c", 0)
	s := &subvolumes{}
	info, err := d.Stat(t.Context(), "base")
	must(t, err)
	base := filepath.Join(root, folder, info.ID)
	for name, change := range map[string]func(at string) error{
		"content":    func(at string) error { return os.WriteFile(filepath.Join(at, "a/b/f"), []byte("x"), 0o600) },
		"mode":       func(at string) error { return os.Chmod(filepath.Join(at, "a/b/f"), 0o4711) },
		"deletion":   func(at string) error { return os.Remove(filepath.Join(at, "a/b/f")) },
		"new":        func(at string) error { return os.WriteFile(filepath.Join(at, "a/b/new"), nil, 0o600) },
		"rename":     func(at string) error { return os.Rename(filepath.Join(at, "a/b/f"), filepath.Join(at, "a/b/x")) },
		"another":    func(at string) error { return os.Link(filepath.Join(at, "a/b/f"), filepath.Join(at, "a/b/x")) },
		"attribute":  func(at string) error { return unix.Setxattr(filepath.Join(at, "a/b"), "user.x", nil, 0) },
		"in nested":  func(at string) error { return os.Mkdir(filepath.Join(at, "a/b/sub"), 0o700) },
		"whole name": func(at string) error { return os.RemoveAll(filepath.Join(at, "a/b")) },
	} {
		c := container(t, d, "c-"+name, 0)
		must(t, change(c))
		same, err := s.Unchanged(t.Context(), base, c)
		must(t, err)
		for folder, want := range map[string]bool{".": false, "a": false, "other": true} {
			var st unix.Stat_t
			must(t, unix.Lstat(filepath.Join(c, folder), &st))
			if same == nil || same(&st) != want {
				t.Errorf("%s: %s is said to be unchanged: %v, want %v", name, folder, !want, want)
			}
		}
	}
	copied := container(t, d, "copied", 0)
	if same, err := s.Unchanged(t.Context(), c, copied); err != nil || same != nil {
		t.Error("a tree that was made from another is compared by generations", err)
	}
}

// A program gets no more than its limit, and removal gives the room back.
func TestLimit(t *testing.T) {
	d, root, _ := opened(t, volume(t), "btrfs.min_space=8M")
	err := d.Prepare(t.Context(), "small", "base", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: 1 << 20})
	const text = "btrfs: storage size cannot be less than 8.389MB"
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), text) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, folder, "small")); !errors.Is(err, os.ErrNotExist) {
		t.Error("what was refused is there", err)
	}
	for range 3 { // more than fits together
		c := container(t, d, "c", 16<<20)
		if n, err := fill(t, filepath.Join(c, "big"), 64<<20); !errors.Is(err, unix.EDQUOT) || n < 8<<20 || n > 20<<20 {
			t.Errorf("%d bytes were written: %v", n, err)
		}
		must(t, os.Remove(filepath.Join(c, "big")))
		must(t, os.WriteFile(filepath.Join(c, "fits"), make([]byte, 1<<20), 0o600))
		other := container(t, d, "other", 0)
		if _, err := fill(t, filepath.Join(other, "big"), 40<<20); err != nil {
			t.Error("without a limit:", err)
		}
		must(t, d.Remove(t.Context(), "c"), d.Remove(t.Context(), "other"))
	}
}

// fill writes random bytes, which nothing compresses, and returns how many fit.
func fill(t *testing.T, path string, size int) (written int, err error) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	block := make([]byte, 1<<20)
	for written < size {
		n, err := f.Write(block)
		written += n
		if err == nil && written%(4<<20) == 0 {
			err = f.Sync()
		}
		if err != nil {
			return written, err
		}
	}
	return written, f.Sync()
}

// When the file system is full, programs are told, and removal gives the room back.
func TestFull(t *testing.T) {
	d, _, _ := opened(t, volume(t))
	c := container(t, d, "c", 0)
	if n, err := fill(t, filepath.Join(c, "big"), 2<<30); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%d bytes were written: %v", n, err)
	}
	raw := fstest.Tar(t, fstest.Entry{Name: "big", Body: strings.Repeat("b", 16<<20)})
	err := d.Prepare(t.Context(), "s", "base", fs.PrepareOptions{}) // which may be too much already
	if err == nil {
		_, err = d.Apply(t.Context(), "s", bytes.NewReader(raw))
	}
	if err == nil {
		err = d.Sync(t.Context(), "s")
	}
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EIO) {
		t.Error("a layer fits a full disk:", err)
	}
	must(t, d.Remove(t.Context(), "s"), d.Remove(t.Context(), "c"))
	c = container(t, d, "c", 0)
	if n, err := fill(t, filepath.Join(c, "big"), 128<<20); err != nil {
		t.Errorf("%d bytes fit after the removal: %v", n, err)
	}
}
