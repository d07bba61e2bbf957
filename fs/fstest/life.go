package fstest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/iotest"
	"time"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/mount"
)

// children: a layer that others stand on stays.
func children(b *bench) {
	before := b.folders()
	b.layer("low", "", Entry{Name: "f", Body: "f"})
	b.layer("high", "low", Entry{Name: "g", Body: "g"})
	b.container("c", "high")
	for _, name := range []string{"low", "high"} {
		if err := b.Remove(b.Context(), name); !errdefs.IsFailedPrecondition(err) {
			b.Errorf("removal of %s under others: %v", name, err)
		}
	}
	for _, name := range []string{"c", "high", "low"} {
		b.must(b.Remove(b.Context(), name))
		if _, err := b.Stat(b.Context(), name); !errdefs.IsNotFound(err) {
			b.Errorf("%s is still there: %v", name, err)
		}
	}
	if after := b.folders(); !slices.Equal(before, after) {
		b.Errorf("left behind: %v", after)
	}
}

// view: an image can be looked at and not written to.
func view(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("mounts need root")
	}
	b.layer("one", "", Entry{Name: "f", Body: "f"})
	b.must(b.View(b.Context(), "v", "one"))
	root, undo := b.mounted("v")
	b.reads(root, "f", "f")
	if err := os.WriteFile(filepath.Join(root, "g"), nil, 0o600); err == nil {
		b.Error("a view was written to")
	}
	undo()
	b.must(b.Remove(b.Context(), "v"))
	b.container("c", "one")
	root, _ = b.mounted("c")
	b.reads(root, "f", "f")
}

// deferred: a container's layer may get and lose its row with the container's own.
func deferred(b *bench) {
	b.layer("base", "", Entry{Name: "f", Body: "f"})
	o := fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true}
	for _, name := range []string{"kept", "lost"} {
		b.must(b.Prepare(b.Context(), name+"-init", "base", o))
		b.must(b.Prepare(b.Context(), name, name+"-init", o))
	}
	b.must(b.db.Update(func(tx fs.Tx) error { return b.Keep(tx, "kept-init", "kept") }))
	b.restart()
	if info, err := b.Stat(b.Context(), "kept"); err != nil || info.State != fs.Active || info.ID != "kept" {
		b.Error(info, err)
	}
	if _, err := b.Stat(b.Context(), "lost"); !errdefs.IsNotFound(err) {
		b.Error("a layer nobody kept is there", err)
	}
	abort := errors.New("the caller's own change failed")
	err := b.db.Update(func(tx fs.Tx) error { return errors.Join(b.Forget(tx, "kept", "kept-init"), abort) })
	if info, statErr := b.Stat(b.Context(), "kept"); statErr != nil || info.State != fs.Active || !errors.Is(err, abort) {
		b.Error("a change that was undone took the layer away", info, statErr, err)
	}
	b.must(b.db.Update(func(tx fs.Tx) error { return b.Forget(tx, "kept", "kept-init") }))
	b.must(b.Remove(b.Context(), "kept"))
	b.must(b.Remove(b.Context(), "kept-init"))
	b.must(b.Remove(b.Context(), "base"))
}

// crash: whatever point a change is cut off at, the next start has the old or the new, and nothing else on disk.
func crash(b *bench) {
	b.layer("base", "", Entry{Name: "f", Body: "f"})
	before := b.folders()
	ctx := b.Context()
	tar := Tar(b, Entry{Name: "g", Body: strings.Repeat("g", 1<<16)})
	fill := func() {
		b.must(b.Prepare(ctx, "s", "base", fs.PrepareOptions{}))
		_, err := b.Apply(ctx, "s", bytes.NewReader(tar))
		b.must(err)
	}
	steps := map[string]func(){
		"prepared": func() { b.must(b.Prepare(ctx, "s", "base", fs.PrepareOptions{})) },
		"half applied": func() {
			b.must(b.Prepare(ctx, "s", "base", fs.PrepareOptions{}))
			cut := iotest.TimeoutReader(iotest.HalfReader(bytes.NewReader(tar)))
			if _, err := b.Apply(ctx, "s", cut); err == nil {
				b.Error("half a layer was taken")
			}
		},
		"applied": fill,
		"synced":  func() { fill(); b.must(b.Sync(ctx, "s")) },
		"commit undone": func() {
			fill()
			stop := errors.New("stop")
			err := b.db.Update(func(tx fs.Tx) error {
				return errors.Join(b.Commit(tx, fs.Commit{Staged: "s", Name: "top", Parent: "base"}), stop)
			})
			if !errors.Is(err, stop) {
				b.Error(err)
			}
		},
		"row gone, files not": func() {
			b.container("c", "base")
			b.must(b.db.Update(func(tx fs.Tx) error { return b.Forget(tx, "c") }))
		},
	}
	if os.Geteuid() == 0 {
		for name, make := range map[string]func(){
			"row of a mounted container gone": func() { b.container("m", "base") },
			"row of a mounted view gone":      func() { b.must(b.View(ctx, "m", "base")) },
		} {
			steps[name] = func() {
				make()
				_, mounts, err := b.Mounts(ctx, "m")
				b.must(err)
				b.must(mount.All(mounts))
				b.must(b.db.Update(func(tx fs.Tx) error { return b.Forget(tx, "m") }))
			}
		}
	}
	for name, step := range steps {
		step()
		b.restart()
		b.settles(before, name)
		if _, err := b.Stat(ctx, "base"); err != nil {
			b.Errorf("%s: %v", name, err)
		}
		if _, err := b.Stat(ctx, "top"); !errdefs.IsNotFound(err) {
			b.Errorf("%s: half a change shows: %v", name, err)
		}
	}
}

// settles waits for the sweep that Open started, until the driver's root holds what it should.
func (b *bench) settles(want []string, after string) {
	b.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		have := b.folders()
		if slices.Equal(want, have) {
			return
		}
		if time.Now().After(deadline) {
			only := func(in, not []string) []string {
				return slices.DeleteFunc(slices.Clone(in), func(p string) bool { return slices.Contains(not, p) })
			}
			b.Fatalf("%s: missing is %v, left is %v", after, only(want, have), only(have, want))
		}
	}
}

// sweep: what is no layer goes, what is one stays.
func sweep(b *bench) {
	b.layer("base", "", Entry{Name: "f", Body: "f"})
	b.container("c", "base")
	before := b.folders()
	var info fs.Info
	b.must(b.Walk(b.Context(), func(i fs.Info) error { info = i; return nil }))
	home, err := filepath.Glob(filepath.Join(b.root, "*", info.ID))
	b.must(err)
	dir := b.root
	if len(home) > 0 {
		dir = filepath.Dir(home[0])
	}
	b.must(os.MkdirAll(filepath.Join(dir, "orphan", "diff", "deep"), 0o755))
	b.restart()
	b.settles(before, "orphan")
}

// hostile: an archive writes nothing outside its layer.
func hostile(b *bench) {
	outside := b.TempDir()
	b.must(os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	up := strings.Repeat("../", 20)
	for name, entries := range map[string][]Entry{
		"dot dot":           {{Name: up + outside + "/new", Body: "x"}},
		"absolute":          {{Name: outside + "/new", Body: "x"}},
		"link out":          {{Name: "l", Link: outside}, {Name: "l/new", Body: "x"}},
		"relative link out": {{Name: "l", Link: up + outside}, {Name: "l/new", Body: "x"}},
		"links through links": {{Name: "a", Link: "/"}, {Name: "b", Link: "a/.." + outside}, {Name: "c", Link: "b"},
			{Name: "c/new", Body: "x"}},
		"folder to link":        {{Name: "d/"}, {Name: "d", Link: outside}, {Name: "d/new", Body: "x"}},
		"file through link":     {{Name: "f", Link: outside + "/secret"}, {Name: "f", Body: "x"}},
		"hard link out":         {{Name: "h", Link: up + outside + "/secret", Hard: true}, {Name: "h", Body: "x"}},
		"hard link through":     {{Name: "l", Link: outside}, {Name: "h", Link: "l/secret", Hard: true}},
		"hard link absolute":    {{Name: "h", Link: outside + "/secret", Hard: true}},
		"whiteout out":          {{Name: up + outside + "/.wh.secret"}},
		"whiteout through link": {{Name: "l", Link: outside}, {Name: "l/.wh.secret"}},
		"opaque through link":   {{Name: "l", Link: outside}, {Name: "l/.wh..wh..opq"}},
		"whiteout of dot dot":   {{Name: ".wh..."}, {Name: "x/.wh..."}},
		"link loop":             {{Name: "a", Link: "b"}, {Name: "b", Link: "a"}, {Name: "a/x", Body: "x"}},
		"device as folder":      {{Name: "dev", Type: '3', Dev: [2]int64{1, 3}}, {Name: "dev/x", Body: "x"}},
		"mode of outside":       {{Name: "l", Link: outside}, {Name: "l/", Mode: 0o777}},
	} {
		b.must(b.Prepare(b.Context(), "h", "", fs.PrepareOptions{}))
		_, err := b.Apply(b.Context(), "h", bytes.NewReader(Tar(b, entries...)))
		b.Logf("%s: %v", name, err)
		found, readErr := os.ReadDir(outside)
		b.must(readErr)
		if len(found) != 1 {
			b.Errorf("%s: the archive changed the folder outside: %v", name, found)
		}
		b.reads(outside, "secret", "secret")
		if info, err := os.Stat(filepath.Join(outside, "secret")); err == nil && info.Mode() != 0o600 {
			b.Errorf("%s: mode outside is %v", name, info.Mode())
		}
		b.must(b.Remove(b.Context(), "h"))
	}
}

// commitFails: a commit that cannot be leaves its layers staged, and cancelled work says so.
func commitFails(b *bench) {
	b.must(b.Prepare(b.Context(), "s", "", fs.PrepareOptions{}))
	_, err := b.Apply(b.Context(), "s", bytes.NewReader(Tar(b, Entry{Name: "f"})))
	b.must(err)
	err = b.db.Update(func(tx fs.Tx) error { return b.Commit(tx, fs.Commit{Staged: "s", Name: "n", Parent: "missing"}) })
	if !errdefs.IsNotFound(err) {
		b.Error(err)
	}
	b.must(b.db.Update(func(tx fs.Tx) error { return b.Commit(tx, fs.Commit{Staged: "s", Name: "n", Size: 5}) }))
	if info, err := b.Stat(b.Context(), "n"); err != nil || info.Size != 5 || info.State != fs.Committed {
		b.Error(info, err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	b.must(b.Prepare(b.Context(), "s", "", fs.PrepareOptions{}))
	if _, err := b.Apply(ctx, "s", bytes.NewReader(Tar(b, Entry{Name: "f"}))); !errors.Is(err, context.Canceled) {
		b.Error(err)
	}
}

// manyLayers: a stack too deep for absolute paths in a page of options mounts, and one beyond the limit says so.
func manyLayers(b *bench) {
	if os.Geteuid() != 0 {
		b.Skip("mounts need root")
	}
	parent := ""
	for i := range 120 {
		name := fmt.Sprint("n", i)
		b.layer(name, parent, Entry{Name: "f", Body: name}, Entry{Name: name, Body: name})
		parent = name
	}
	b.container("c", parent)
	root, _ := b.mounted("c")
	b.reads(root, "f", "n119")
	b.reads(root, "n0", "n0")
}
