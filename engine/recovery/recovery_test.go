package recovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/state"
	"box/fs"
	"box/fs/disk"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// noLayers is a driver's part of a recovery of which there is nothing.
func noLayers(context.Context, *state.DB, func(string) bool) (map[string]fs.Recovered, error) {
	return nil, nil
}

func options(root string) *Options { return &Options{Root: root, Now: time.Now, Layers: noLayers} }

// root is a data root whose state was changed n times by an engine; with a copy that has the first of the changes.
func root(t *testing.T, engine string, n int, copied bool) string {
	t.Helper()
	dir := t.TempDir()
	db, err := state.Open(filepath.Join(dir, stateFile))
	must(t, err)
	meta, numbers := state.Table[string]{Name: "meta"}, state.Table[int]{Name: "numbers"}
	must(t, db.Update(func(tx *state.Tx) error { return meta.Put(tx, "engine-id", engine) }))
	if copied {
		must(t, db.CopyTo(filepath.Join(dir, copyFile), nil))
	}
	for i := range n {
		must(t, db.Update(func(tx *state.Tx) error { return numbers.Put(tx, "n", i) }))
	}
	must(t, db.Close())
	return dir
}

// shape is all that is in a folder, with the content of files.
func shape(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	must(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(p + d.Type().String())
		if d.Type() == 0 {
			raw, err := os.ReadFile(p)
			b.Write(raw)
			return err
		}
		return nil
	}))
	return b.String()
}

// TestOpenRefuses: a state that is not there beside what it knew of, or is another's, is never begun anew; what is
// there stays as it is, and the error says what to do.
func TestOpenRefuses(t *testing.T) {
	file := func(dir, name string) error {
		path := filepath.Join(dir, name)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600))
	}
	empty := func(dir string) error { return os.Truncate(filepath.Join(dir, stateFile), 0) }
	gone := func(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) }
	for what, row := range map[string]struct {
		copied bool
		spoil  func(dir string) error
		plain  bool // no driver can tell
		class  func(error) bool
		says   []string
	}{
		"missing beside a copy": {true, gone, false, errdefs.IsFailedPrecondition,
			[]string{"is missing", "a copy of the state", "--recover", "its copy "}},
		"empty beside a copy": {true, empty, false, errdefs.IsFailedPrecondition, []string{"is empty", "--data-root"}},
		"missing beside a container": {false,
			func(dir string) error { return errors.Join(gone(dir), file(dir, "containers/1/x")) }, false,
			errdefs.IsFailedPrecondition,
			[]string{"is missing", "container", "there is no good copy of it"}},
		"missing beside content": {false,
			func(dir string) error { return errors.Join(gone(dir), file(dir, "content/sha256/1")) }, false,
			errdefs.IsFailedPrecondition,
			[]string{"is missing"}},
		"missing beside volumes": {false,
			func(dir string) error { return errors.Join(gone(dir), file(dir, "volumes/v/_data/x")) }, false,
			errdefs.IsFailedPrecondition,
			[]string{"is missing", "volume"}},
		"missing beside layers": {false, func(dir string) error { return errors.Join(gone(dir), file(dir, "vfs/dir/l/x")) },
			false, errdefs.IsFailedPrecondition,
			[]string{"is missing"}},
		"damaged without a copy": {false, func(dir string) error { return os.Truncate(filepath.Join(dir, stateFile), 5000) },
			false, errdefs.IsDataLoss,
			[]string{"Nothing was changed", "--recover"}},
		"damaged, and nobody can tell": {true,
			func(dir string) error { return os.Truncate(filepath.Join(dir, stateFile), 5000) }, true, errdefs.IsDataLoss,
			[]string{"Nothing was changed"}},
		"damaged beside a damaged copy": {true, func(dir string) error {
			return errors.Join(os.Truncate(filepath.Join(dir, stateFile), 5000), os.Truncate(filepath.Join(dir, copyFile), 5000))
		}, false, errdefs.IsDataLoss, []string{"Nothing was changed"}},
		"another engine's": {true, func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(root(t, "other", 3, false), stateFile))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, stateFile), raw, 0o600))
		}, false, errdefs.IsFailedPrecondition, []string{"is not of this data root", "Put the right file back"}},
	} {
		dir := root(t, "one", 3, row.copied)
		must(t, row.spoil(dir))
		before := shape(t, dir)
		o := options(dir)
		if row.plain {
			o.Layers = nil
		}
		db, _, err := Open(t.Context(), o)
		if err == nil {
			db.Close()
			t.Errorf("%s: it is opened", what)
			continue
		}
		if !row.class(err) {
			t.Errorf("%s is of another class: %v", what, err)
		}
		for _, part := range row.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, without %q", what, err, part)
			}
		}
		if after := shape(t, dir); after != before {
			t.Errorf("%s: the folder has changed", what)
		}
	}
}

// TestOpenTakesCopy: in place of a state that is damaged, or older than its copy, the copy is taken; what was there is
// kept beside, and what was done is told.
func TestOpenTakesCopy(t *testing.T) {
	for what, spoil := range map[string]func(dir string) error{
		"damaged": func(dir string) error { return os.Truncate(filepath.Join(dir, stateFile), 5000) },
		"older": func(dir string) error {
			raw, err := os.ReadFile(filepath.Join(root(t, "one", 0, false), stateFile))
			newer := root(t, "one", 9, false)
			return errors.Join(err, os.WriteFile(filepath.Join(dir, stateFile), raw, 0o600),
				os.Rename(filepath.Join(newer, stateFile), filepath.Join(dir, copyFile)))
		},
	} {
		dir := root(t, "one", 3, true)
		must(t, spoil(dir))
		was, err := os.ReadFile(filepath.Join(dir, stateFile))
		must(t, err)
		db, notes, err := Open(t.Context(), options(dir))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if s, err := db.Summary(); err != nil || s.Engine != "one" {
			t.Errorf("%s: %+v %v", what, s, err)
		}
		must(t, db.Close())
		if len(notes) < 3 || !strings.Contains(notes[1], "from the copy") || !strings.Contains(notes[2], "is kept as") {
			t.Errorf("%s: it is told %q", what, notes)
		}
		kept, _ := filepath.Glob(filepath.Join(dir, stateFile+".damaged-*"))
		if len(kept) != 1 {
			t.Errorf("%s: kept is %q", what, kept)
		} else if raw, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(raw, was) {
			t.Errorf("%s: what is kept is another file, %v", what, err)
		}
		db, notes, err = Open(t.Context(), options(dir))
		if err != nil || len(notes) > 0 {
			t.Fatalf("%s: the next start: %q %v", what, notes, err)
		}
		must(t, db.Close())
	}
	dir := t.TempDir()
	db, notes, err := Open(t.Context(), options(dir))
	if err != nil || len(notes) > 0 {
		t.Fatalf("a new one: %q %v", notes, err)
	}
	if _, err := Recover(t.Context(), *options(dir)); !errdefs.IsConflict(err) {
		t.Errorf("made again while it is in use: %v", err)
	}
	must(t, db.Close())
}

// TestRecoverContainers: containers are made again of the records beside them, those without any are put aside, and
// what the copy has of those that went is dropped.
func TestRecoverContainers(t *testing.T) {
	dir := t.TempDir()
	db, err := state.Open(filepath.Join(dir, stateFile))
	must(t, err)
	id := func(c string) string { return strings.Repeat(c, 64) }
	must(t, db.Update(func(tx *state.Tx) error {
		return errors.Join(containers.Put(tx, id("a"), json.RawMessage(`{"old":1}`)),
			containers.Put(tx, id("b"), json.RawMessage(`{"gone":1}`)),
			statuses.Put(tx, id("b"), json.RawMessage(`{}`)), containers.Put(tx, id("e"), json.RawMessage(`{"copied":1}`)),
			volumes.Put(tx, "there", json.RawMessage(`{}`)), volumes.Put(tx, "gone", json.RawMessage(`{}`)))
	}), db.CopyTo(filepath.Join(dir, copyFile), nil), db.Close())
	in := func(c string) string { return filepath.Join(dir, "containers", id(c)) }
	for _, c := range []string{"a", "c", "d", "e", "f"} {
		must(t, os.MkdirAll(in(c), 0o700))
	}
	must(t, os.MkdirAll(filepath.Join(dir, "volumes/there"), 0o700),
		WriteRecord(nil, in("a"), id("a"), map[string]int{"new": 1}),
		WriteRecord(nil, in("c"), id("c"), map[string]int{"only": 1}),
		WriteRecord(nil, in("d"), id("a"), map[string]int{"another's": 1}),
		os.WriteFile(filepath.Join(in("f"), recordFile), []byte(`{"ID":"`+id("f")+`","Rec`), 0o600), // which was cut off
		os.Truncate(filepath.Join(dir, stateFile), 0))
	r, err := Recover(t.Context(), *options(dir))
	must(t, err)
	if r.Containers != 3 || r.LostCount != 2 || r.Copy == "" ||
		!strings.Contains(strings.Join(r.Lines(), "\n"), "2 folders and files of which nothing is known") {
		t.Errorf("%+v %q", r, r.Lines())
	}
	db, err = state.Open(filepath.Join(dir, stateFile))
	must(t, err)
	defer db.Close()
	have := map[string]string{}
	var named []string
	must(t, db.View(func(tx *state.Tx) error {
		return errors.Join(containers.Walk(tx,
			func(key string, raw json.RawMessage, err error) error { have[key[:1]] = string(raw); return err }),
			volumes.Walk(tx, func(key string, _ json.RawMessage, err error) error { named = append(named, key); return err }))
	}))
	if len(have) != 3 || have["a"] != `{"new":1}` || have["c"] != `{"only":1}` || have["e"] != `{"copied":1}` ||
		!slices.Equal(named, []string{"there"}) {
		t.Errorf("%q, volumes %q", have, named)
	}
	for _, c := range []string{"d", "f"} {
		if _, err := os.Stat(in(c)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", c, err)
		}
	}
	lost, err := filepath.Glob(filepath.Join(dir, lostFolder, "*/containers/*"))
	if err != nil || len(lost) != 2 || filepath.Dir(filepath.Dir(lost[0])) != r.Lost {
		t.Errorf("lost is %q, %v", lost, err)
	}
}

// TestKeeper: the state is copied when it was quiet for a while, not oftener than flash can bear, and not at all while
// nothing changes.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := root(t, "one", 3, false)
		copies := 0
		d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
			if op.Kind == disk.Rename && strings.HasSuffix(op.To, copyFile) {
				copies++
			}
			return do()
		}}
		o := options(dir)
		o.Disk = d
		db, _, err := Open(t.Context(), o)
		must(t, err)
		k := NewKeeper(o, db)
		db.OnChange(k.Changed)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Run(ctx, func(err error) { t.Error(err) }) }()
		numbers := state.Table[int]{Name: "numbers"}
		change := func() {
			must(t, db.Update(func(tx *state.Tx) error { return numbers.Put(tx, "n", int(time.Now().UnixNano())) }))
		}
		after := func(what string, d time.Duration, want int) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if copies != want {
				t.Errorf("%s: %d copies, want %d", what, copies, want)
			}
		}
		after("one without a copy, at once", 29*time.Second, 0)
		after("one without a copy", 2*time.Second, 1)
		after("nothing changes", 24*time.Hour, 1)
		for range 10 {
			change()
			after("while it changes", 20*time.Second, 1)
		}
		after("quiet", 40*time.Second, 2)
		change()
		after("soon after a copy", 20*time.Minute, 2)
		after("half an hour later", 15*time.Minute, 3)
		cancel()
		<-done
		must(t, k.Copy())
		if copies != 3 {
			t.Error("what the copy has is copied again")
		}
		change()
		must(t, k.Copy(), db.Close())
		if copies != 4 {
			t.Error("the last change is not copied")
		}
	})
}

// TestRecordFails: a record that cannot be written leaves the old one, and says whose it is.
func TestRecordFails(t *testing.T) {
	dir := t.TempDir()
	must(t, WriteRecord(nil, dir, "one", "old"))
	for _, kind := range []disk.Kind{disk.Create, disk.Write, disk.Rename} {
		d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
			if op.Kind == kind {
				return unix.ENOSPC
			}
			return do()
		}}
		err := WriteRecord(d, dir, "one", "new")
		raw, ok := readRecord(dir, "one")
		if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "container one") || !ok || string(raw) != `"old"` {
			t.Errorf("%s: %v, %s", kind, err, raw)
		}
		if left, _ := os.ReadDir(dir); len(left) != 1 {
			t.Errorf("%s: %v is left", kind, left)
		}
	}
	if !HasRecord(dir) {
		t.Error("it has none")
	}
	DropRecord(nil, dir)
	DropRecord(nil, dir)
	if HasRecord(dir) {
		t.Error("it is there")
	}
}
