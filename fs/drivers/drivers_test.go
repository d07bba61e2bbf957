package drivers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/btrfs"
	"box/fs/fstest"
	"box/fs/mount"
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

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// A data root on btrfs takes btrfs, and elsewhere it is said what is missing and what works.
func TestBtrfsWhereItIs(t *testing.T) {
	elsewhere := t.TempDir()
	if !btrfs.On(elsewhere) {
		_, err := Open(t.Context(), elsewhere, btrfs.Name, openDB(t), nil, nil, nil)
		for _, text := range []string{"is not on btrfs", "would bring it", "what works there: ", "vfs"} {
			if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), text) {
				t.Errorf("%q is not in: %v", text, err)
			}
		}
		if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
			t.Error("what was refused left", left, err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	root := fstest.OnLoop(t, "btrfs")
	for range 2 { // chosen, and there already
		db := openDB(t)
		d, err := Open(t.Context(), root, "", db, nil, nil, func(text string) { t.Error(text) })
		if must(t, d, err).Name() != btrfs.Name {
			t.Errorf("picked %s on btrfs", d.Name())
		}
	}
	o, err := Open(t.Context(), root, "overlay2", openDB(t), nil, nil, nil)
	if must(t, o, err).Name() != "overlay2" {
		t.Error("the driver that was named is not used")
	}
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
	_, err := Open(t.Context(), t.TempDir(), "overlay3", openDB(t), nil, nil, nil)
	const all = "overlay2, aufs, overlay, btrfs, zfs, devicemapper, vfs"
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), all) {
		t.Fatal(err)
	}
}

func TestPick(t *testing.T) {
	root, db := t.TempDir(), openDB(t)
	d, err := Open(t.Context(), root, "", db, nil, nil, nil)
	must(t, d, err)
	want := "overlay2"
	if os.Geteuid() != 0 {
		want = "vfs"
	}
	if d.Name() != want {
		t.Errorf("picked %s on a new root, want %s", d.Name(), want)
	}
	v, err := Open(t.Context(), root, "vfs", db, nil, nil, nil)
	must(t, v, err)
	keep := fs.PrepareOptions{Purpose: fs.ForContainer}
	if err := v.Prepare(t.Context(), "c", "", keep); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), root, "", db, nil, nil, nil)
	if must(t, again, err).Name() != "vfs" {
		t.Errorf("picked %s over the one with layers", again.Name())
	}
	if os.Geteuid() != 0 {
		t.Skip("a second driver with layers needs root")
	}
	if err := d.Prepare(t.Context(), "c", "", keep); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), root, "", db, nil, nil, nil); !errdefs.IsFailedPrecondition(err) ||
		!strings.Contains(err.Error(), "overlay2, vfs") {
		t.Errorf("two drivers with layers: %v", err)
	}
}

// An option that asks something of one driver leads to no other, and is never dropped.
func TestOptionsNameTheirDriver(t *testing.T) {
	for _, row := range []struct {
		driver string
		opts   []string
		class  func(error) bool
		text   string
	}{
		{"", []string{"overlay2.size=much"}, errdefs.IsInvalidArgument, `overlay2.size: "much" is no size`},
		{"", []string{"vfs.size=1"}, errdefs.IsInvalidArgument, "vfs.size is not known to vfs"},
		{"vfs", []string{"vfs.size=1"}, errdefs.IsInvalidArgument, "vfs.size is not known to vfs"},
		{"vfs", []string{"overlay2.size=5M"}, errdefs.IsInvalidArgument,
			"overlay2.size is of driver overlay2, and vfs is used"},
		{"", []string{"vfs.x=1", "overlay2.size=5M"}, errdefs.IsInvalidArgument,
			"overlay2.size is of driver overlay2, and vfs is used"},
		{"", []string{"lvm.name=tank"}, errdefs.IsInvalidArgument,
			"this box has no driver lvm, but overlay2, aufs, overlay, btrfs, zfs, devicemapper, vfs"},
		{"zfs", []string{"zfs.size=1G"}, errdefs.IsInvalidArgument, "zfs.size is not known to zfs"},
		{"", []string{"zfs.fsname=/tank"}, errdefs.IsInvalidArgument, "is no name of a dataset"},
		{"", []string{"overlay2.size"}, errdefs.IsInvalidArgument, "KEY=VALUE is wanted"},
		{"", []string{"=1"}, errdefs.IsInvalidArgument, "KEY=VALUE is wanted"},
		{"overlay2", []string{"btrfs.min_space=1G"}, errdefs.IsInvalidArgument,
			"btrfs.min_space is of driver btrfs, and overlay2 is used"},
		{"", []string{"btrfs.min_space=no"}, errdefs.IsInvalidArgument, `btrfs.min_space: "no" is no size`},
		{"btrfs", []string{"btrfs.size=1G"}, errdefs.IsInvalidArgument, "btrfs.size is not known to btrfs"},
		{"", []string{"aufs.size=1G"}, errdefs.IsInvalidArgument, "aufs.size is not known to aufs"},
		{"aufs", []string{"size=1G"}, errdefs.IsInvalidArgument, "size is not known to aufs"},
		{"aufs", []string{"overlay2.size=1G"}, errdefs.IsInvalidArgument,
			"overlay2.size is of driver overlay2, and aufs is used"},
		{"vfs", []string{"size=huge"}, errdefs.IsInvalidArgument, `size: "huge" is no size`},
	} {
		root := t.TempDir()
		if err := Check(row.driver, row.opts); err == nil || !row.class(err) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("check of %q %v: %v", row.driver, row.opts, err)
		}
		_, err := Open(t.Context(), root, row.driver, openDB(t), nil, row.opts, func(text string) { t.Error(text) })
		if err == nil || !row.class(err) || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%q %v: %v", row.driver, row.opts, err)
		}
	}
}

// A driver that is picked since the better ones do not work is said with the reason.
func TestFallingBackIsSaid(t *testing.T) {
	said := ""
	d, err := Open(t.Context(), t.TempDir(), "", openDB(t), nil, nil, func(text string) { said += text })
	if must(t, d, err).Name() == "vfs" != strings.Contains(said, "storage driver vfs is used, since others do not work") {
		t.Errorf("picked %s and said %q", d.Name(), said)
	}
}

// A driver that was asked for and does not work is refused, with what works instead, and leaves no folder.
func TestAskedForAndDoesNotWork(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("an overlay, on which there is no other, needs root")
	}
	top := t.TempDir()
	for _, name := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(top, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m := mount.Mount{Type: "overlay", Source: "overlay", Target: filepath.Join(top, "root"), Dir: top,
		Options: []string{"lowerdir=lower", "upperdir=upper", "workdir=work"}}
	if err := mount.All([]mount.Mount{m}); err != nil {
		t.Fatal(err)
	}
	defer mount.Unmount(m.Target)
	for _, name := range []string{"overlay2", "overlay"} {
		_, err := Open(t.Context(), m.Target, name, openDB(t), nil, nil, nil)
		if !errdefs.IsNotImplemented(err) || !strings.HasPrefix(err.Error(), "open storage driver "+name+": "+name+
			" does not work on ") || !strings.HasSuffix(err.Error(), "; what works there: vfs") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(m.Target, name)); err == nil {
			t.Errorf("the try of %s left its folder", name)
		}
	}
	d, err := Open(t.Context(), m.Target, "", openDB(t), nil, nil, nil)
	if must(t, d, err).Name() != "vfs" {
		t.Errorf("picked is %s", d.Name())
	}
}
