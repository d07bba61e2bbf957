package fstest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
)

// faulty is a disk on which operations fail once it is armed.
type faulty struct {
	mu    sync.Mutex
	armed bool
	left  int       // operations that succeed yet
	for1  bool      // one operation fails, not all from then on
	with  error     // what it fails with
	hit   bool      // it failed
	only  disk.Kind // operations that count; "" for all
}

func (f *faulty) disk() *disk.Disk {
	return &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		if err := f.next(op); err != nil {
			return err
		}
		if op.Kind == disk.SyncAll { // the machine does not go down, and others have much to write
			return nil
		}
		return do()
	}}
}

func (f *faulty) next(op *disk.Op) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed || f.only != "" && op.Kind != f.only {
		return nil
	}
	if f.left--; f.left >= 0 || f.hit && f.for1 {
		return nil
	}
	f.hit = true
	return f.with
}

func (f *faulty) arm(n int, for1 bool, with error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed, f.left, f.for1, f.with, f.hit = true, n, for1, with, false
}

func (f *faulty) disarm() (hit bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	return f.hit
}

// lives are the steps of an image's layer and of a container on it, in order.
var lives = []struct {
	name string
	do   func(b *bench) error
}{
	{"prepare", func(b *bench) error { return b.Prepare(b.Context(), "s", "base", fs.PrepareOptions{}) }},
	{"apply", func(b *bench) error { return second(b.Apply(b.Context(), "s", bytes.NewReader(b.lifeTar()))) }},
	{"sync", func(b *bench) error { return b.Sync(b.Context(), "s") }},
	{"commit", func(b *bench) error {
		return b.db.Update(func(tx fs.Tx) error { return b.Commit(tx, fs.Commit{Staged: "s", Name: "top", Parent: "base"}) })
	}},
	{"container", func(b *bench) error {
		return b.Prepare(b.Context(), "c", "top", fs.PrepareOptions{Purpose: fs.ForContainer})
	}},
	{"deferred", func(b *bench) error {
		return b.Prepare(b.Context(), "d", "top", fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true})
	}},
	{"keep", func(b *bench) error { return b.db.Update(func(tx fs.Tx) error { return b.Keep(tx, "d") }) }},
	{"view", func(b *bench) error { return b.View(b.Context(), "v", "top") }},
	{"remove view", func(b *bench) error { return b.Remove(b.Context(), "v") }},
	{"remove container", func(b *bench) error { return b.Remove(b.Context(), "c") }},
	{"forget", func(b *bench) error { return b.db.Update(func(tx fs.Tx) error { return b.Forget(tx, "d") }) }},
	{"remove forgotten", func(b *bench) error { return b.Remove(b.Context(), "d") }},
	{"remove layer", func(b *bench) error { return b.Remove(b.Context(), "top") }},
}

func (b *bench) lifeTar() []byte {
	return Tar(b, Entry{Name: "g", Body: "new"}, Entry{Name: ".wh.old"}, Entry{Name: "d/"},
		Entry{Name: "d/.wh..wh..opq"}, Entry{Name: "d/h", Body: "h", Mode: 0o4755}, Entry{Name: "s", Link: "g"},
		Entry{Name: "hard", Link: "g", Hard: true})
}

func (b *bench) lifeBase() {
	b.layer("base", "", Entry{Name: "f", Body: "f"}, Entry{Name: "old", Body: "old"}, Entry{Name: "d/"},
		Entry{Name: "d/under", Body: "u"})
}

// live goes through the steps until one fails, and returns how many were done.
func (b *bench) live() (done int, err error) {
	for _, step := range lives {
		if err := step.do(b); err != nil {
			return done, fmt.Errorf("%s: %w", step.name, err)
		}
		done++
	}
	return done, nil
}

// end removes what a life left.
func (b *bench) end() error {
	var errs []error
	for _, name := range []string{"v", "c", "d", "top", "s"} {
		errs = append(errs, b.Remove(b.Context(), name))
	}
	return errors.Join(errs...)
}

// failure: whichever operation on the disk fails, its call says so, what it made can be removed, and the same again
// succeeds.
func failure(b *bench) {
	f := &faulty{}
	b.disk = f.disk()
	b.restart()
	b.lifeBase()
	before := b.folders()
	for n := 0; ; n++ {
		f.arm(n, true, unix.EIO)
		done, err := b.live()
		if !f.disarm() {
			b.must(err)
			break
		}
		if err != nil && !errors.Is(err, unix.EIO) {
			b.Errorf("operation %d failed, and after %d steps it is said: %v", n, done, err)
		}
		b.must(b.end())
		if after := b.folders(); !slices.Equal(before, after) {
			b.restart() // what could not be deleted is an orphan
			b.settles(before, fmt.Sprintf("operation %d failed", n))
		}
	}
	_, err := b.live()
	b.must(err)
	b.settles(before, "the same again")
}

// crashAnywhere: when everything stops before any operation on the disk, the next start has what was acknowledged,
// and once that is removed, nothing else.
func crashAnywhere(b *bench) {
	f := &faulty{}
	b.disk = f.disk()
	b.restart()
	b.lifeBase()
	before := b.folders()
	for n := 0; ; n++ {
		f.arm(n, false, errors.New("the power is off"))
		done, err := b.live()
		hit := f.hit
		_ = b.Close() // what it could not delete is said once more
		f.disarm()
		b.must(b.file.Close())
		b.start()
		b.acknowledged(n, done)
		b.must(b.end())
		b.settles(before, fmt.Sprintf("crash at operation %d", n))
		if !hit {
			b.must(err)
			break
		}
	}
}

// acknowledged checks what exists after so many steps of a life; that of the step that was cut off may.
func (b *bench) acknowledged(n, done int) {
	b.Helper()
	for _, row := range []struct {
		name       string
		made, gone string // steps
	}{{"top", "commit", "remove layer"}, {"c", "container", "remove container"}, {"d", "keep", "forget"},
		{"v", "view", "remove view"}} {
		made, gone := stepOf(row.made), stepOf(row.gone)
		info, err := b.Stat(b.Context(), row.name)
		switch {
		case done > gone || done < made:
			if !errdefs.IsNotFound(err) {
				b.Errorf("crash at operation %d, in %s: %s is there: %v %v", n, b.inStep(done), row.name, info, err)
			}
		case done > made && done < gone && (err != nil || info.State == fs.Staged):
			b.Errorf("crash at operation %d, in %s: %s is lost: %v %v", n, b.inStep(done), row.name, info, err)
		case err == nil && info.State != fs.Committed && os.Geteuid() == 0:
			root, undo := b.mounted(row.name)
			b.reads(root, "g", "new")
			b.reads(root, "f", "f")
			b.reads(root, "d/under", "")
			undo()
		}
	}
	err := b.Walk(b.Context(), func(i fs.Info) error {
		if i.State == fs.Staged {
			return fmt.Errorf("layer %s is staged after a start", i.Name)
		}
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}

func stepOf(name string) int {
	for i, step := range lives {
		if step.name == name {
			return i
		}
	}
	panic(name)
}

func (b *bench) inStep(done int) string {
	if done == len(lives) {
		return "nothing"
	}
	return lives[done].name
}

// full: a layer that does not fit says that the disk is full, what it took is given back, and a smaller one fits.
func full(b *bench) {
	f := &faulty{only: disk.Write}
	b.disk = f.disk()
	b.restart()
	b.lifeBase()
	before := b.folders()
	big := Tar(b, Entry{Name: "big", Body: strings.Repeat("b", 3<<20)}, Entry{Name: "more", Body: "m"})
	for _, n := range []int{0, 1, 2} {
		b.must(b.Prepare(b.Context(), "s", "", fs.PrepareOptions{}))
		f.arm(n, false, unix.ENOSPC)
		if err := second(b.Apply(b.Context(), "s", bytes.NewReader(big))); !errors.Is(err, unix.ENOSPC) {
			b.Errorf("a full disk, %d writes on: %v", n, err)
		}
		b.must(b.Remove(b.Context(), "s"))
		f.disarm()
		if after := b.folders(); !slices.Equal(before, after) {
			b.Errorf("a full disk, %d writes on, keeps %v", n, after)
		}
	}
	_, err := b.live()
	b.must(err)
}

// removedWhileMounted: a container's root that somebody else has mounted too is removed, and nothing but it.
func removedWhileMounted(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("mounts need root")
	}
	b.lifeBase()
	before := b.folders()
	b.container("c", "base")
	root, undo := b.mounted("c")
	b.must(os.WriteFile(filepath.Join(root, "mine"), []byte("m"), 0o600))
	elsewhere := b.TempDir()
	b.must(unix.Mount(root, elsewhere, "", unix.MS_BIND, ""))
	b.Cleanup(func() { _ = unix.Unmount(elsewhere, unix.MNT_DETACH) })
	held, err := os.Open(filepath.Join(elsewhere, "mine"))
	b.must(err)
	defer held.Close()
	undo()
	for range 2 { // under the same name
		b.must(b.Remove(b.Context(), "c"))
		left := slices.DeleteFunc(b.folders(), func(path string) bool { return b.suite.Waits != nil && b.suite.Waits(path) })
		if !slices.Equal(left, before) {
			b.Errorf("removal while mounted elsewhere: want %v, have %v", before, left)
		}
		b.container("c", "base")
	}
	again, undo := b.mounted("c")
	b.reads(again, "mine", "")
	b.reads(again, "f", "f")
	b.reads(again, "old", "old")
	b.restart()
	b.reads(again, "f", "f")
	undo()
	b.must(b.Remove(b.Context(), "c"))
	held.Close()
	b.must(unix.Unmount(elsewhere, unix.MNT_DETACH))
	b.settles(before, "all are out of use")
}
