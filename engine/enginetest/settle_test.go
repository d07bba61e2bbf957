package enginetest

import (
	"bytes"
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine"
	"box/engine/request"
	"box/engine/state"
	"box/fs"
	"box/fs/disk"
	"box/fs/drivers"
)

// slowDisk keeps what is written out waiting, while it is slow, and then answers with err.
type slowDisk struct {
	mu   sync.Mutex
	slow chan struct{} // nil while it is fast
	err  error
}

func (s *slowDisk) around(op *disk.Op, do func() error) error {
	s.mu.Lock()
	slow, err := s.slow, s.err
	s.mu.Unlock()
	if op.Kind != disk.SyncAll || slow == nil {
		return do()
	}
	<-slow
	return err
}

func (s *slowDisk) set(slow chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slow, s.err = slow, err
}

// files returns the files below a folder, with what is in them.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e iofs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, dir)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCopyIsLost: a container on vfs is there before its copy of the image is on the disk. Nobody writes to it until
// then, and if the power goes away before, the next start makes the copy again.
func TestCopyIsLost(t *testing.T) {
	d := &slowDisk{}
	change := func(o *engine.Options) {
		o.Disk = &disk.Disk{Around: d.around}
		o.Layers = func(ctx context.Context, db *state.DB) (fs.Driver, error) {
			return drivers.Open(ctx, o.Root, "vfs", db.Layers(), o.Disk, nil, nil)
		}
	}
	r := newRig(t, change)
	d.set(make(chan struct{}), nil)
	id := r.create("one", func(q *request.Create) { q.Config.WorkingDir = "/work/here" })
	at := filepath.Join(r.dir, "data", "vfs")
	whole := files(t, filepath.Join(at, "dir", id))
	if len(whole) == 0 {
		t.Fatal("the container has no files")
	}
	started := make(chan error, 1)
	go func() { started <- r.Start(t.Context(), "one") }()
	select {
	case err := <-started:
		t.Fatalf("it was started before its files were on the disk: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	d.mu.Lock()
	d.err = unix.EIO // as if it were not written
	close(d.slow)
	d.mu.Unlock()
	if err := <-started; !errors.Is(err, unix.EIO) && (err == nil || !strings.Contains(err.Error(), "input/output error")) {
		t.Errorf("a start on a disk that fails gives %v", err)
	}
	r.shut()
	d.set(nil, nil)
	for _, layer := range []string{id, id + "-init"} { // another boot, which finds empty files and no folders
		mark := filepath.Join(at, "fresh", layer)
		if err := errors.Join(os.Remove(mark), os.Symlink("another", mark)); err != nil {
			t.Fatal(err)
		}
		for name := range whole {
			if err := os.Truncate(filepath.Join(at, "dir", layer, name), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.RemoveAll(filepath.Join(at, "dir", layer, "work")); err != nil {
			t.Fatal(err)
		}
	}
	r.open(change)
	now := files(t, filepath.Join(at, "dir", id))
	for name, content := range whole {
		if now[name] != content {
			t.Errorf("%s has %q and not %q", name, now[name], content)
		}
	}
	if _, err := os.Stat(filepath.Join(at, "dir", id, "work", "here")); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(filepath.Join(at, "fresh"))
	if err != nil || len(left) > 0 {
		t.Errorf("still unsettled: %v %v", left, err)
	}
	if err := r.Start(t.Context(), "one"); err != nil {
		t.Error(err)
	}
	r.becomes("one", api.StateRunning)
}

// TestCopyIsKept: what was written to a container after its copy was on the disk is not made again, whatever boot it
// is.
func TestCopyIsKept(t *testing.T) {
	r := newRig(t, nil)
	id := r.create("one", nil)
	err := r.CopyTo(t.Context(), "one", "/", engine.CopyOptions{},
		bytes.NewReader(tarOf(t, map[string]string{"mine": "written"}, "mine")))
	if err != nil {
		t.Fatal(err)
	}
	r.shut()
	r.open(nil)
	at := filepath.Join(r.dir, "data", "vfs")
	if got := files(t, filepath.Join(at, "dir", id))["/mine"]; got != "written" {
		t.Errorf("the file has %q", got)
	}
	left, err := os.ReadDir(filepath.Join(at, "fresh"))
	if err != nil || len(left) > 0 {
		t.Errorf("still unsettled: %v %v", left, err)
	}
	// One that ran is not made again either, though a mark of another boot says so: a box that knows none has run it.
	if err := errors.Join(r.Start(t.Context(), "one"), r.Kill(t.Context(), "one", "")); err != nil {
		t.Fatal(err)
	}
	r.becomes("one", api.StateExited)
	r.shut()
	if err := os.Symlink("another", filepath.Join(at, "fresh", id)); err != nil {
		t.Fatal(err)
	}
	r.open(nil)
	if got := files(t, filepath.Join(at, "dir", id))["/mine"]; got != "written" {
		t.Errorf("after it ran, the file has %q", got)
	}
	if left, err := os.ReadDir(filepath.Join(at, "fresh")); err != nil || len(left) > 0 {
		t.Errorf("still unsettled: %v %v", left, err)
	}
	if err := r.Remove(t.Context(), "one", engine.RemoveOptions{}); err != nil {
		t.Error(err)
	}
}

// TestCopyIsNotWanted: a container on vfs that is removed at once is not written out before.
func TestCopyIsNotWanted(t *testing.T) {
	d := &slowDisk{}
	r := newRig(t, func(o *engine.Options) {
		o.Disk = &disk.Disk{Around: d.around}
		o.Layers = func(ctx context.Context, db *state.DB) (fs.Driver, error) {
			return drivers.Open(ctx, o.Root, "vfs", db.Layers(), o.Disk, nil, nil)
		}
	})
	slow := make(chan struct{})
	d.set(slow, nil)
	defer close(slow)
	r.create("one", nil)
	removed := make(chan error, 1)
	go func() { removed <- r.Remove(t.Context(), "one", engine.RemoveOptions{}) }()
	select {
	case err := <-removed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("its removal waits for the disk")
	}
}
