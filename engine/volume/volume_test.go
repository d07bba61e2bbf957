package volume

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/state"
	"box/fs"
	"box/fs/inroot/inroottest"
)

// world is a store on a folder that outlives it.
type world struct {
	*Store
	t   *testing.T
	dir string
	db  *state.DB
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	if w.db, err = state.Open(filepath.Join(w.dir, "box.db")); err != nil {
		w.t.Fatal(err)
	}
	w.Store, err = Open(filepath.Join(w.dir, "volumes"), w.db, nil, fs.IDMaps{}, time.Now,
		func(err error) { slog.Error("volumes", "error", err) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// again is a daemon that was killed and one that is started.
func (w *world) again() {
	w.t.Helper()
	if err := w.db.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// make makes a volume that is there for good.
func (w *world) make(q Request) {
	w.t.Helper()
	if _, _, err := w.Make(q); err != nil {
		w.t.Fatal(err)
	}
	if err := w.db.Update(func(tx *state.Tx) error { return w.Save(tx, q.Name) }); err != nil {
		w.t.Fatal(err)
	}
	w.Saved(q.Name)
}

func (w *world) names() []string {
	var names []string
	for _, v := range w.List() {
		names = append(names, v.Name)
	}
	return names
}

func (w *world) expect(names ...string) {
	w.t.Helper()
	if got := w.names(); !slices.Equal(got, names) {
		w.t.Fatalf("volumes %q, want %q", got, names)
	}
	entries, err := os.ReadDir(w.root)
	if err != nil {
		w.t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	if !slices.Equal(folders, names) {
		w.t.Fatalf("folders %q, want %q", folders, names)
	}
}

func (w *world) write(name, file, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.Path(name), file), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) has(name, file string) bool {
	_, err := os.Lstat(filepath.Join(w.Path(name), file))
	return err == nil
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		q     Request
		class func(error) bool
		text  string
	}{
		{Request{Name: "a"}, errdefs.IsInvalidArgument,
			"create a: volume name is too short, names should be at least two alphanumeric characters"},
		{Request{Name: "a/b"}, errdefs.IsInvalidArgument,
			`create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`},
		{Request{Name: ".."}, errdefs.IsInvalidArgument, `create ..: ".." includes`},
		{Request{Name: ".removed-x"}, errdefs.IsInvalidArgument, `includes invalid characters`},
		{Request{Name: "ab\n"}, errdefs.IsInvalidArgument, `includes invalid characters`},
		{Request{Name: strings.Repeat("a", 250)}, errdefs.IsInvalidArgument, `name is too long`},
		{Request{Name: "ab", Driver: "nope"}, errdefs.IsNotFound,
			`create ab: error looking up volume plugin nope: plugin "nope" not found`},
		{Request{Name: "ab", Options: map[string]string{"x": "y"}}, errdefs.IsInvalidArgument,
			`create ab: invalid option: "x"`},
		{Request{Name: "ab", Options: map[string]string{"o": "bind"}}, errdefs.IsInvalidArgument,
			`create ab: missing required option: "device"`},
		{Request{Name: "ab", Options: map[string]string{"device": "/x"}}, errdefs.IsInvalidArgument,
			`create ab: missing required option: "type"`},
		{Request{Name: "ab", Options: map[string]string{"size": "zz"}}, errdefs.IsInvalidArgument, `create ab: invalid size`},
		{Request{Name: "ab", Options: map[string]string{"size": "1m"}}, errdefs.IsInvalidArgument,
			`create ab: quota size requested but no quota support`},
	} {
		_, _, err := w.Make(row.q)
		if !row.class(err) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%+v: %v", row.q, err)
		}
	}
	w.expect()
	if err := w.Remove("nope"); !errdefs.IsNotFound(err) || err.Error() != "get nope: no such volume" {
		t.Error(err)
	}
}

func TestHeldVolumeStays(t *testing.T) {
	w := newWorld(t)
	w.make(Request{Name: "data", Holder: "c2"})
	if _, err := w.Hold("data", "c1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove("data"); !errdefs.IsConflict(err) || err.Error() != "remove data: volume is in use - [c1, c2]" {
		t.Fatal(err)
	}
	w.Release("c1")
	w.Release("c2")
	if err := w.Remove("data"); err != nil {
		t.Fatal(err)
	}
	w.expect()
	w.again()
	w.expect()
}

func TestVolumeOfAFailedContainerGoes(t *testing.T) {
	w := newWorld(t)
	w.make(Request{Name: "old", Holder: "c"})
	for _, name := range []string{"new", "shared"} {
		if _, _, err := w.Make(Request{Name: name, Holder: "c"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.Make(Request{Name: "shared", Holder: "other"}); err != nil {
		t.Fatal(err)
	}
	if gone := w.Discard("c"); !slices.Equal(gone, []string{"new"}) {
		t.Fatal(gone)
	}
	w.expect("old", "shared")
}

// TestCrash cuts the daemon off in the middle of each long step.
func TestCrash(t *testing.T) {
	t.Run("new volume without a row", func(t *testing.T) {
		w := newWorld(t)
		if _, _, err := w.Make(Request{Name: "half"}); err != nil {
			t.Fatal(err)
		}
		w.write("half", "f", "x")
		w.again()
		w.expect()
	})
	t.Run("row written, marker left", func(t *testing.T) {
		w := newWorld(t)
		if _, _, err := w.Make(Request{Name: "whole", Labels: map[string]string{"a": "b"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.db.Update(func(tx *state.Tx) error { return w.Save(tx, "whole") }); err != nil {
			t.Fatal(err)
		}
		w.write("whole", "f", "x")
		w.again()
		w.expect("whole")
		w.again()
		w.expect("whole")
		if v, err := w.Get("whole"); err != nil || v.Labels["a"] != "b" || !w.has("whole", "f") {
			t.Fatal(v, err)
		}
	})
	t.Run("removal before the row is gone", func(t *testing.T) {
		w := newWorld(t)
		w.make(Request{Name: "data"})
		w.write("data", "f", "x")
		if _, err := w.Removal("data", ""); err != nil {
			t.Fatal(err)
		}
		w.again()
		w.expect("data")
		if !w.has("data", "f") {
			t.Fatal("a removal that was cut off lost a file")
		}
	})
	t.Run("removal after the row is gone", func(t *testing.T) {
		w := newWorld(t)
		w.make(Request{Name: "data"})
		r, err := w.Removal("data", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.db.Update(r.Forget); err != nil {
			t.Fatal(err)
		}
		w.again()
		w.expect()
	})
	t.Run("filling", func(t *testing.T) {
		w := newWorld(t)
		w.make(Request{Name: "data", Holder: "c"})
		w.Restore("data", "c fill")
		v, err := w.busy("data")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.markFilling(v, "c", "c fill"); err != nil {
			t.Fatal(err)
		}
		w.write("data", "half", "x")
		w.again()
		if w.has("data", "half") {
			t.Fatal("half of an image's content stayed in a volume")
		}
	})
	t.Run("folder lost", func(t *testing.T) {
		w := newWorld(t)
		w.make(Request{Name: "data"})
		if err := os.RemoveAll(filepath.Join(w.root, "data")); err != nil {
			t.Fatal(err)
		}
		w.again()
		w.expect("data")
	})
	t.Run("folder from a backup", func(t *testing.T) {
		w := newWorld(t)
		if err := os.MkdirAll(w.Path("restored"), 0o700); err != nil {
			t.Fatal(err)
		}
		w.write("restored", "f", "x")
		w.again()
		w.again()
		w.expect("restored")
		if !w.has("restored", "f") {
			t.Fatal("somebody's data is gone")
		}
	})
	t.Run("damaged row", func(t *testing.T) {
		w := newWorld(t)
		w.make(Request{Name: "data"})
		w.write("data", "f", "x")
		err := w.db.Update(func(tx *state.Tx) error {
			return tx.Layers().Bucket([]byte("volumes")).Put([]byte("data"), []byte("{"))
		})
		if err != nil {
			t.Fatal(err)
		}
		w.again()
		w.expect("data")
		if !w.has("data", "f") {
			t.Fatal("a damaged row cost the volume's files")
		}
	})
}

func TestRemovalWhoseTransactionFailed(t *testing.T) {
	w := newWorld(t)
	w.make(Request{Name: "data", Holder: "c"})
	w.write("data", "f", "x")
	r, err := w.Removal("data", "c")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.End(errors.New("disk full")); err == nil || err.Error() != "remove data: disk full" {
		t.Fatal(err)
	}
	w.expect("data")
	if !w.has("data", "f") {
		t.Fatal("lost a file")
	}
}

func TestFill(t *testing.T) { inroottest.Kernels(t, testFill) }

func testFill(t *testing.T) {
	w := newWorld(t)
	src := t.TempDir()
	if err := os.WriteFile(filepath.Join(src, "f"), []byte("image"), 0o640); err != nil {
		t.Fatal(err)
	}
	fill := func(name, subpath string) error {
		d, err := os.Open(src)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return w.Fill(t.Context(), name, "c", subpath, d)
	}
	w.make(Request{Name: "empty", Holder: "c"})
	w.make(Request{Name: "used", Holder: "c"})
	w.write("used", "mine", "x")
	for _, name := range []string{"empty", "used"} {
		if err := fill(name, ""); err != nil {
			t.Fatal(err)
		}
	}
	if !w.has("empty", "f") || w.has("used", "f") || w.has("../empty", fillMarker) {
		t.Fatal("an empty volume and only that is filled")
	}
	if err := fill("used", "missing"); err != nil {
		t.Fatal("a subpath that is missing is nothing to fill:", err)
	}
	if err := os.Symlink("/etc", filepath.Join(w.Path("used"), "out")); err != nil {
		t.Fatal(err)
	}
	if err := fill("used", "out"); !errdefs.IsInvalidArgument(err) ||
		!strings.HasPrefix(err.Error(), "path concatenation escapes the base directory") {
		t.Fatal(err)
	}
	if used, err := w.Unmount("empty", "c fill"); used || err != nil {
		t.Fatal("filling left the volume in use", err)
	}
}

func TestMountOf(t *testing.T) {
	for _, row := range []struct {
		options map[string]string
		want    string
	}{
		{map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1000"}, "tmpfs:/t, data: size=1m,uid=1000"},
		{map[string]string{"type": "none", "device": "/srv", "o": "bind,ro"}, "/srv:/t, flags: 0x1001"},
		{map[string]string{"type": "nfs", "device": ":/export", "o": "addr=10.0.0.1,rw,nfsvers=4"},
			":/export:/t, data: addr=10.0.0.1,nfsvers=4"},
		{map[string]string{"type": "nfs", "device": ":/export", "o": "addr=files,soft"},
			":/export:/t, data: addr=10.9.9.9,soft"},
		{map[string]string{"type": "ext4", "device": "/dev/x"}, "/dev/x:/t"},
	} {
		m, err := mountOf(&Volume{Options: row.options}, "/t", func(string) (string, error) { return "10.9.9.9", nil })
		if err != nil || m.String() != row.want {
			t.Errorf("%v: %s, %v", row.options, m, err)
		}
	}
}
