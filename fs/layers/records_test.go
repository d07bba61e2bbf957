package layers

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// TestSyncApart: the record of a layer and its name are synced beside the layer, a container's has none, and an error
// is told.
func TestSyncApart(t *testing.T) {
	table, _ := newTable(t)
	must(t, table.Stage(row("a", "")), table.Stage(row("b", "")))
	dir := t.TempDir()
	record := func(r Row) string { return filepath.Join(dir, r.ID) }
	must(t, os.WriteFile(record(row("a", "")), nil, 0o600))
	synced, failed := map[string]bool{}, error(nil)
	d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		path, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(op.FD))
		synced[path] = op.Kind == disk.Sync
		return errors.Join(failed, do())
	}}
	c := &Content{Table: table, Record: record, Disk: d, Syncer: Syncer{Disk: d}}
	must(t, c.SyncApart(t.Context(), "a", "b"))
	if len(synced) != 2 || !synced[record(row("a", ""))] || !synced[dir] {
		t.Errorf("synced are %v", synced)
	}
	failed = unix.EIO
	if err := c.SyncApart(t.Context(), "a"); !errors.Is(err, unix.EIO) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// TestMountPoint: the folder is there afterwards, whether it was before or not.
func TestMountPoint(t *testing.T) {
	at := filepath.Join(t.TempDir(), "layer")
	for range 2 {
		must(t, MountPoint(nil, at))
		if i, err := os.Stat(at); err != nil || !i.IsDir() {
			t.Fatal(i, err)
		}
	}
}
