package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"box/engine"
	"box/engine/progress"
	"box/fs"
	"box/fs/disk"
	"box/fs/drivers"
	"box/fs/snapshots"
	"box/fs/tree"
)

// twin is the name of a driver that is as vfs and has its own layers, so that a move needs no root.
const twin = "twin"

// openDriver opens a driver, or the twin.
func openDriver(ctx context.Context, root, name string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
	if name != twin {
		return drivers.Open(ctx, root, name, db, d, nil, nil)
	}
	return snapshots.Open(ctx, db, snapshots.Options{Name: twin, Root: filepath.Join(root, twin), Folder: "dir",
		Trees: trees{d}, Disk: d})
}

// trees are folders.
type trees struct{ disk *disk.Disk }

func (c trees) Make(path string) error   { return c.disk.Mkdir(path, 0o700) }
func (c trees) Delete(path string) error { return c.disk.RemoveAll(path) }

func (c trees) Clone(ctx context.Context, from, to string) error {
	if err := c.disk.Mkdir(to, 0o700); err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	_, err = tree.Copy(ctx, c.disk, src, dst)
	return err
}

// migrate moves from vfs to the twin.
func (w *world) migrate(keep bool) error {
	return w.e.Migrate(w.t.Context(), engine.Migration{From: "vfs", To: twin, Keep: keep},
		func(progress.Line) error { return nil })
}

// offered returns what info says about other drivers.
func (w *world) offered() string {
	i, err := w.e.Info(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	var said []string
	for _, text := range i.Warnings {
		if strings.Contains(text, "system migrate") {
			said = append(said, text)
		}
	}
	return strings.Join(said, "\n")
}

// toMove makes a data root on vfs with all that can be moved: an image with two names, one of a container, one that is
// gone and whose layer a container has, stopped containers with volumes and with files of their own.
func toMove(t *testing.T, dir string) (facts string) {
	w := opened(t, dir, "vfs", nil)
	defer w.close()
	for _, s := range session(t) {
		if s.name == "rmi while it is saved" {
			break
		}
		if err := s.do(t.Context(), w.e); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	if err := errors.Join(w.e.Kill(t.Context(), "first", ""),
		w.e.Load(t.Context(), bytes.NewReader(archive(t, "goes:1", "goes")), engine.LoadOptions{Quiet: true},
			func(progress.Line) error { return nil })); err != nil {
		t.Fatal(err)
	}
	for _, s := range session(t) {
		if s.name == "create of what goes" {
			if err := s.do(t.Context(), w.e); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w.facts()
}

func opened(t *testing.T, dir, driver string, d *disk.Disk) *world {
	t.Helper()
	w, err := open(t, dir, driver, d)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// layersOf counts the layers that a driver has on the disk.
func layersOf(dir, driver string) int {
	n := 0
	for _, sub := range []string{"dir", "tar-split", "rows"} {
		entries, _ := os.ReadDir(filepath.Join(dir, "data", driver, sub))
		n += len(entries)
	}
	return n
}

// TestMigrate: what a driver has is hidden under another one and offered by info, its volumes are held and its folders
// stay; it is there again when that driver is chosen again; and after a move all of it is under the other driver, and
// nothing is left, unless that is asked for.
func TestMigrate(t *testing.T) {
	dir := filepath.Join(home(t), "w")
	before := toMove(t, dir)
	w := opened(t, dir, twin, nil)
	if got := w.facts(); strings.Contains(got, "image") || strings.Contains(got, "container") {
		t.Errorf("under the other driver there are\n%s", got)
	}
	if err := w.e.RemoveVolume(t.Context(), "kept", false); !errdefs.IsConflict(err) {
		t.Errorf("a volume of a hidden container is removed: %v", err)
	}
	if said := w.offered(); !strings.Contains(said, "vfs has layers here") ||
		!strings.Contains(said, "docker system migrate --from vfs --to twin") {
		t.Errorf("info says %q", said)
	}
	w.close()
	w = opened(t, dir, "vfs", nil)
	if got := w.facts(); got != before || w.offered() != "" {
		t.Errorf("chosen again there are\n%s\nand were\n%s, %q", got, before, w.offered())
	}
	for what, q := range map[string]engine.Migration{
		"this daemon uses vfs": {From: "overlay2", To: "btrfs"},
		"start the daemon":     {From: "vfs"},
		"not given":            {},
		"has nothing":          {From: "overlay2"},
	} {
		if err := w.e.Migrate(t.Context(), q, nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	w.close()
	w = opened(t, dir, twin, nil)
	if err := w.migrate(true); err != nil {
		t.Fatal(err)
	}
	kept := layersOf(dir, "vfs")
	if got := w.facts(); got != before || kept == 0 {
		t.Errorf("moved are\n%s\nand were\n%s; %d are left", got, before, kept)
	}
	if err := w.migrate(false); err != nil {
		t.Fatal(err)
	}
	if got := w.facts(); got != before || layersOf(dir, "vfs") != 0 || w.offered() != "" {
		t.Errorf("after the second move are\n%s, %d are left, %q", got, layersOf(dir, "vfs"), w.offered())
	}
	if err := w.e.Start(t.Context(), "two"); err != nil {
		t.Error(err)
	}
	w.close()
	if _, err := os.Stat(filepath.Join(dir, "data", "image", "vfs", "layerdb", "mounts")); err == nil {
		entries, _ := os.ReadDir(filepath.Join(dir, "data", "image", "vfs", "layerdb", "mounts"))
		if len(entries) > 0 {
			t.Errorf("image/vfs has %d mounts", len(entries))
		}
	}
	w = opened(t, dir, twin, nil)
	defer w.close()
	if got := w.facts(); got != before {
		t.Errorf("after a start are\n%s", got)
	}
}

// TestMigrateRefused: names that both drivers have for different things are named, and nothing is moved.
func TestMigrateRefused(t *testing.T) {
	dir := filepath.Join(home(t), "w")
	before := toMove(t, dir)
	w := opened(t, dir, twin, nil)
	quiet := func(progress.Line) error { return nil }
	if err := w.e.Load(t.Context(), bytes.NewReader(archive(t, "base:2", "other")), engine.LoadOptions{Quiet: true},
		quiet); err != nil {
		t.Fatal(err)
	}
	if err := w.migrate(false); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), "base:2") {
		t.Errorf("a tag of two images: %v", err)
	}
	if err := errors.Join(w.e.TagImage(t.Context(), "base:2", "other", "1"), w.untag("base:2")); err != nil {
		t.Fatal(err)
	}
	for _, s := range session(t) {
		if s.name == "create with an anonymous volume" {
			if err := errors.Join(w.e.TagImage(t.Context(), "other:1", "base", "2"), s.do(t.Context(), w.e),
				w.untag("base:2")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.migrate(false); !errdefs.IsConflict(err) || !strings.Contains(err.Error(), `"/two"`) {
		t.Errorf("a name of two containers: %v", err)
	}
	if err := w.e.Remove(t.Context(), "two", engine.RemoveOptions{Volumes: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.migrate(false); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.SplitSeq(w.facts(), "\n") {
		if !strings.Contains(line, "other:1") {
			got = append(got, line)
		}
	}
	if strings.Join(got, "\n") != before {
		t.Errorf("moved are\n%s\nand were\n%s", w.facts(), before)
	}
	w.close()
}

func (w *world) untag(name string) error {
	_, err := w.e.RemoveImage(w.t.Context(), name, true, nil)
	return err
}

// TestMigrateStale: what was changed under the old driver after a move was cut off is moved as it is then.
func TestMigrateStale(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := filepath.Join(home(t), "w")
	toMove(t, dir)
	w := opened(t, dir, twin, nil)
	full := errors.New("enough")
	err := w.e.Migrate(t.Context(), engine.Migration{From: "vfs"}, func(l progress.Line) error {
		if l.ID == "verify" { // all is copied
			return full
		}
		return nil
	})
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	w.close()
	w = opened(t, dir, "vfs", nil)
	content := tarOf(t, map[string]string{"etc/motd": "later"}, "etc/", "etc/motd")
	if err := errors.Join(w.e.CopyTo(t.Context(), "two", "/", engine.CopyOptions{}, bytes.NewReader(content)),
		w.e.Remove(t.Context(), "first", engine.RemoveOptions{})); err != nil {
		t.Fatal(err)
	}
	before := w.facts()
	w.close()
	w = opened(t, dir, twin, nil)
	if err := w.migrate(false); err != nil {
		t.Fatal(err)
	}
	if got := w.facts(); got != before {
		t.Errorf("moved are\n%s\nand were\n%s", got, before)
	}
	if err := holds(t.Context(), w.e, "two", "/etc/motd", "later"); err != nil {
		t.Error(err)
	}
	w.close()
	entries, err := os.ReadDir(filepath.Join(dir, "data", twin, "dir"))
	if err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return strings.Contains(before, e.Name())
	}) {
		t.Errorf("%v %v", entries, err)
	}
}

// TestMigrateFails: a move fails, or is killed, at any operation. What was moved from is whole then, or all was moved;
// and the next attempt moves all and leaves nothing.
func TestMigrateFails(t *testing.T) {
	base := home(t)
	from := filepath.Join(base, "from")
	before := toMove(t, from)
	os.RemoveAll(filepath.Join(from, "run"))
	try := func(b *breaker, killed bool) {
		t.Helper()
		dir := filepath.Join(base, "try")
		defer os.RemoveAll(dir)
		copyFolder(t, from, dir)
		around := b.around
		if killed {
			around = b.dies
		}
		w := opened(t, dir, twin, &disk.Disk{Around: around})
		b.arm(true)
		failed := w.migrate(false)
		b.arm(killed)
		say := func(what string) string {
			return fmt.Sprintf("operation %d (%s), killed %v, %v: %s", b.at, b.hit, killed, failed, what)
		}
		if failed == nil {
			if got := w.facts(); !killed && got != before {
				t.Error(say("it gave no error, but there are\n" + got))
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = w.e.Close(ctx)
		os.RemoveAll(filepath.Join(dir, "run"))
		between := b.at/23%2 == 1
		if between {
			w = opened(t, dir, "vfs", nil)
			if got := w.facts(); got != before && strings.Contains(got, "container") {
				t.Error(say("what is moved from has\n" + got))
			}
			w.close()
		}
		w = opened(t, dir, twin, nil)
		if err := w.migrate(false); err != nil && !strings.Contains(err.Error(), "has nothing") {
			t.Error(say("again: " + err.Error()))
		}
		if got := w.facts(); got != before {
			t.Error(say("after the second attempt are\n" + got))
		}
		w.close()
		if n := layersOf(dir, "vfs"); n > 0 && !between { // else the daemon that was open in between sweeps when it is again
			t.Error(say(fmt.Sprint(n, " files are left")))
		}
		w = opened(t, dir, "vfs", nil)
		for end := time.Now().Add(time.Minute); layersOf(dir, "vfs") > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(say("the sweep leaves files"))
			}
		}
		if got := w.facts(); strings.Contains(got, "image") || strings.Contains(got, "container") {
			t.Error(say("vfs has\n" + got))
		}
		w.close()
	}
	b := &breaker{fault: faults[0]}
	try(b, false)
	total, runs := b.count, 0
	for k := 1; k <= total; k++ {
		if k%23 != total%23 && !thorough() {
			continue
		}
		runs++
		try(&breaker{at: k, fault: faults[k%len(faults)]}, false)
		try(&breaker{at: k, fault: fault{"killed", faults[0].err, false}}, true)
	}
	t.Logf("a move has %d operations; %d of them failed, and were the last", total, runs)
}

// dies fails the operation number at and all that follow.
func (b *breaker) dies(op *disk.Op, do func() error) error {
	b.mu.Lock()
	dead := b.armed && b.count+1 >= b.at && b.at > 0
	b.mu.Unlock()
	if dead {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.count++
		if b.hit == "" {
			b.hit = fmt.Sprintf("%s %s%s", op.Kind, op.Path, path(op))
		}
		return b.fault.err
	}
	return b.around(op, do)
}
