package devicemapper

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/fstest"
)

// TestSuspended: a device that a daemon suspended for a snapshot before it was killed goes on with the next daemon.
func TestSuspended(t *testing.T) {
	if os.Getenv("BOX_VM") == "" {
		t.Skip("the kernel has no device mapper")
	}
	dir := t.TempDir()
	file, err := bbolt.Open(filepath.Join(dir, "db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	open := func() *Driver {
		d, err := Open(t.Context(), filepath.Join(dir, "root"), fstest.DB(file), nil,
			[]string{"dm.basesize=256M", "dm.loopdatasize=300M", "dm.loopmetadatasize=16M"})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := open()
	if err := d.Prepare(t.Context(), "one", "", fs.PrepareOptions{Purpose: fs.ForContainer}); err != nil {
		t.Fatal(err)
	}
	row, err := d.table.Get("one")
	if err != nil {
		t.Fatal(err)
	}
	name := d.devices.name(row.ID)
	if err := d.devices.activate(row.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.devices.dm.Suspend(name); err != nil {
		t.Fatal(err)
	}
	// The daemon is gone without a word: nothing is closed but what the kernel closes.
	d.cancel()
	d.sweeps.Wait()
	next := open()
	i, err := next.devices.dm.Info(name)
	if err == nil && i.Suspended {
		t.Error("it is suspended still")
	}
	done := make(chan error, 1)
	go func() {
		at, err := next.hold(row.ID, false)
		if err == nil {
			err = os.WriteFile(filepath.Join(at.path, "file"), []byte("text"), 0o600)
			next.release(row.ID)
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("what is written to it waits")
	}
	if err := next.Remove(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}
