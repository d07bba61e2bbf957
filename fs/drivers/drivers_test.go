package drivers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/fstest"
)

func openDB(t *testing.T) fs.DB {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return fstest.DB(db)
}

func must(t *testing.T, d fs.Driver, err error) fs.Driver {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestUnknownDriverNamesTheKnown(t *testing.T) {
	_, err := Open(t.Context(), t.TempDir(), "overlay3", openDB(t), nil, nil)
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "overlay2, vfs") {
		t.Fatal(err)
	}
}

func TestPick(t *testing.T) {
	root, db := t.TempDir(), openDB(t)
	d, err := Open(t.Context(), root, "", db, nil, nil)
	must(t, d, err)
	want := "overlay2"
	if os.Geteuid() != 0 {
		want = "vfs"
	}
	if d.Name() != want {
		t.Errorf("picked %s on a new root, want %s", d.Name(), want)
	}
	v, err := Open(t.Context(), root, "vfs", db, nil, nil)
	must(t, v, err)
	keep := fs.PrepareOptions{Purpose: fs.ForContainer}
	if err := v.Prepare(t.Context(), "c", "", keep); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), root, "", db, nil, nil)
	if must(t, again, err).Name() != "vfs" {
		t.Errorf("picked %s over the one with layers", again.Name())
	}
	if os.Geteuid() != 0 {
		t.Skip("a second driver with layers needs root")
	}
	if err := d.Prepare(t.Context(), "c", "", keep); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), root, "", db, nil, nil); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "overlay2, vfs") {
		t.Errorf("two drivers with layers: %v", err)
	}
}

func TestOptionsOfAnotherDriver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay2 needs root")
	}
	d, err := Open(t.Context(), t.TempDir(), "", openDB(t), nil, []string{"vfs.size=1"})
	must(t, d, err)
	if _, err := Open(t.Context(), t.TempDir(), "vfs", openDB(t), nil, []string{"vfs.size=1"}); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
}
