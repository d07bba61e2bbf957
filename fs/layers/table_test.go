package layers

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// newTable is an empty table, and the database that it is in.
func newTable(t *testing.T) (*Table, fs.DB) {
	t.Helper()
	b, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	t.Cleanup(func() { b.Close() })
	db := fstest.DB(b)
	table, err := Open(db, "test")
	must(t, err)
	return table, db
}

func row(name, parent string) Row {
	return Row{Info: fs.Info{Name: name, Parent: parent, ID: "id-" + name, State: fs.Staged}}
}

// names are the layers of a table, sorted, those without a row marked.
func names(t *testing.T, table *Table) string {
	t.Helper()
	var list []string
	must(t, table.Walk(func(r Row) error {
		if r.State == fs.Staged {
			r.Name += "*"
		}
		list = append(list, r.Name)
		return nil
	}))
	slices.Sort(list)
	return strings.Join(list, " ")
}

// commit commits one layer.
func commit(table *Table, db fs.DB, staged, name, parent string) error {
	return db.Update(func(tx fs.Tx) error {
		_, err := table.Commit(tx, fs.Commit{Staged: staged, Name: name, Parent: parent, Size: 7})
		return err
	})
}

// TestTable: what is refused when layers are staged, committed, kept, forgotten, and that a name is free only when
// nothing of its layer is left.
func TestTable(t *testing.T) {
	table, db := newTable(t)
	must(t, table.Stage(row("a-new", "")), commit(table, db, "a-new", "a", ""), table.Stage(row("b-new", "a")),
		commit(table, db, "b-new", "b", "a"),
		table.Stage(row("c", "b")))
	if _, err := table.KeepNow(fs.Active, "c"); err != nil {
		t.Fatal(err)
	}
	must(t, table.Stage(row("staged", "b")))
	if got := names(t, table); got != "a b c staged*" {
		t.Fatal(got)
	}
	update := func(fn func(tx fs.Tx) error) error { return db.Update(fn) }
	for what, rowOf := range map[string]struct {
		err   error
		class func(error) bool
	}{
		"stage without a name":    {table.Stage(row("", "")), errdefs.IsInvalidArgument},
		"stage of what is":        {table.Stage(row("a", "")), errdefs.IsAlreadyExists},
		"stage of what is staged": {table.Stage(row("staged", "")), errdefs.IsAlreadyExists},
		"stage on nothing":        {table.Stage(row("x", "none")), errdefs.IsNotFound},
		"commit of nothing":       {commit(table, db, "none", "x", ""), errdefs.IsNotFound},
		"commit as what is":       {commit(table, db, "staged", "a", ""), errdefs.IsAlreadyExists},
		"commit on nothing":       {commit(table, db, "staged", "x", "none"), errdefs.IsNotFound},
		"keep of nothing":         {second(table.KeepNow(fs.Active, "none")), errdefs.IsNotFound},
		"forget below others": {update(func(tx fs.Tx) error { return table.Forget(tx, "a") }),
			errdefs.IsFailedPrecondition},
		"forget below a staged": {update(func(tx fs.Tx) error { return table.Forget(tx, "c", "b") }),
			errdefs.IsFailedPrecondition},
		"take below others":    {third(table.Take("b")), errdefs.IsFailedPrecondition},
		"get of nothing":       {second(table.Get("none")), errdefs.IsNotFound},
		"chain of nothing":     {second(table.Chain("none")), errdefs.IsNotFound},
		"chain without a name": {second(table.Chain("")), errdefs.IsNotFound},
		"a walk that is ended": {table.Walk(func(Row) error { return errdefs.ErrAborted }), errdefs.IsAborted},
		"the second of two commit": {update(func(tx fs.Tx) error {
			_, err := table.Commit(tx, fs.Commit{Staged: "staged", Name: "x", Parent: "b"}, fs.Commit{Staged: "none", Name: "y"})
			return err
		}), errdefs.IsNotFound},
	} {
		if rowOf.err == nil || !rowOf.class(rowOf.err) {
			t.Errorf("%s: %v", what, rowOf.err)
		}
	}
	if got := names(t, table); got != "a b c staged*" {
		t.Errorf("what was refused left %s", got)
	}
	chain, err := table.Chain("staged")
	must(t, err)
	if len(chain) != 3 || chain[0].Name != "staged" || chain[2].Name != "a" || chain[1].Size != 7 ||
		chain[1].State != fs.Committed {
		t.Errorf("%+v", chain)
	}
	// Gone rows are staged until their files are deleted.
	table.Release("staged")
	must(t, update(func(tx fs.Tx) error { return table.Forget(tx, "c", "none", "b") }))
	if got := names(t, table); got != "a b* c*" {
		t.Errorf("after a removal there are %s", got)
	}
	if err := table.Stage(row("b", "a")); !errdefs.IsAlreadyExists(err) {
		t.Errorf("a name whose files are there yet: %v", err)
	}
	table.Release("b")
	must(t, table.Stage(row("b", "a")))
	r, ok, err := table.Take("b")
	if err != nil || !ok || r.Name != "b" {
		t.Errorf("%+v %v %v", r, ok, err)
	}
	if _, ok, err := table.Take("none"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	again, err := Open(db, "test")
	must(t, err)
	if got := names(t, again); got != "a" {
		t.Errorf("after a start there are %s", got)
	}
	if some, err := Any(db, "test"); err != nil || !some {
		t.Error(some, err)
	}
	if some, err := Any(db, "other"); err != nil || some {
		t.Error(some, err)
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// TestTransactionFails: what a transaction did that was taken back is undone in memory too.
func TestTransactionFails(t *testing.T) {
	table, db := newTable(t)
	must(t, table.Stage(row("a", "")))
	refused := errors.New("refused")
	err := db.Update(func(tx fs.Tx) error {
		if _, err := table.Keep(tx, fs.Committed, "a"); err != nil {
			return err
		}
		return refused
	})
	if got := names(t, table); !errors.Is(err, refused) || got != "a*" {
		t.Errorf("%v, %s", err, got)
	}
	must(t, second(table.KeepNow(fs.Committed, "a")))
	err = db.Update(func(tx fs.Tx) error { return errors.Join(table.Forget(tx, "a"), refused) })
	if got := names(t, table); !errors.Is(err, refused) || got != "a" {
		t.Errorf("%v, %s", err, got)
	}
}

// TestDamagedRow: a row that cannot be read is data that is lost, wherever it is met.
func TestDamagedRow(t *testing.T) {
	table, db := newTable(t)
	must(t, table.Stage(row("a", "")), second(table.KeepNow(fs.Committed, "a")), db.Update(func(tx fs.Tx) error {
		return tx.Bucket([]byte("layers/test")).Put([]byte("a"), []byte(`{"Name":`))
	}))
	for what, err := range map[string]error{
		"get": second(table.Get("a")), "chain": second(table.Chain("a")), "stage": table.Stage(row("a", "")),
		"stage on it": table.Stage(row("b", "a")),
		"walk":        table.Walk(func(Row) error { return nil }), "take": third(table.Take("a")),
	} {
		if !errdefs.IsDataLoss(err) || !strings.Contains(err.Error(), "layer a") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSweep: what no row knows is put aside and deleted, as is what an earlier sweep left, and nothing else.
func TestSweep(t *testing.T) {
	table, _ := newTable(t)
	must(t, table.Stage(row("a", "")), second(table.KeepNow(fs.Committed, "a")), table.Stage(row("b", "")))
	dir := t.TempDir()
	for _, name := range []string{"id-a", "id-b", "orphan", "half.removing", "l"} {
		must(t, os.MkdirAll(filepath.Join(dir, name, "deep"), 0o700))
	}
	keep := func(name string) bool { return name == "l" }
	full := &disk.Disk{Around: func(*disk.Op, func() error) error { return unix.EIO }}
	if _, err := table.Sweep(full, dir, keep); !errors.Is(err, unix.EIO) {
		t.Errorf("a disk that fails: %v", err)
	}
	paths, err := table.Sweep(nil, dir, keep)
	slices.Sort(paths)
	if err != nil || len(paths) != 2 || filepath.Base(paths[0]) != "half.removing" ||
		filepath.Base(paths[1]) != "orphan.removing" {
		t.Fatal(paths, err)
	}
	if err := Delete(t.Context(), paths, os.RemoveAll); err != nil {
		t.Error(err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 3 {
		t.Errorf("%v", left)
	}
	for _, why := range []error{unix.ENOSPC, unix.EDQUOT, unix.EXDEV, unix.EBUSY} {
		stuck := &disk.Disk{Around: func(*disk.Op, func() error) error { return why }}
		if path, err := Doom(stuck, filepath.Join(dir, "id-a")); err != nil || path != filepath.Join(dir, "id-a") {
			t.Errorf("a folder that cannot be renamed, %v: %s %v", why, path, err)
		}
	}
	if path, err := Doom(nil, filepath.Join(dir, "none")); err != nil || path != filepath.Join(dir, "none.removing") {
		t.Error(path, err)
	}
}

// TestRecover: a table is made again of the rows that lie beside layers: what stands on a layer that is gone goes, what
// was cut off or is another's counts for nothing, and folders of nobody are told.
func TestRecover(t *testing.T) {
	table, db := newTable(t)
	dir := t.TempDir()
	p := &Place{Driver: "test", Dir: dir, Row: func(id string) string { return filepath.Join(dir, id, "row") },
		Other: func(name string) bool { return name == "l" }}
	add := func(name, parent string, state fs.State) {
		r := row(name, parent)
		r.State = state
		must(t, os.Mkdir(filepath.Join(dir, r.ID), 0o700), p.WriteBeside(r))
	}
	add("base", "", fs.Committed)
	add("top", "base", fs.Committed)
	add("wanted", "top", fs.Active)
	add("unwanted", "top", fs.Active)
	add("lost-parent", "none", fs.Committed)
	add("on-lost", "lost-parent", fs.Committed)
	add("round", "round", fs.Committed)
	add("staged", "base", fs.Staged)
	put := func(id, raw string) {
		must(t, os.Mkdir(filepath.Join(dir, id), 0o700), os.WriteFile(p.Row(id), []byte(raw), 0o600))
	}
	raw, err := json.Marshal(row("twin", ""))
	must(t, err)
	put("id-another", string(raw))
	put("id-cut", `{"Name":"cut","ID":"id-c`)
	put("id-nameless", `{"ID":"id-nameless","State":2}`)
	must(t, os.Mkdir(filepath.Join(dir, "l"), 0o700), os.Mkdir(filepath.Join(dir, "stray"), 0o700),
		os.Mkdir(filepath.Join(dir, "x.removing"), 0o700))
	// In the table, and not beside; and one whose folder is gone.
	must(t, os.Mkdir(filepath.Join(dir, "id-old"), 0o700), table.Stage(row("old", "")),
		second(table.KeepNow(fs.Committed, "old")), table.Stage(row("gone", "")),
		second(table.KeepNow(fs.Committed, "gone")))
	found, err := p.Recover(db, func(name string) bool { return name == "wanted" })
	must(t, err)
	again, err := Open(db, "test")
	must(t, err)
	if got := names(t, again); got != "base old top wanted" || len(found.Layers) != 4 ||
		found.Layers["top"].Parent != "base" {
		t.Errorf("%s, %v", got, found.Layers)
	}
	var left []string
	for _, path := range found.Left {
		left = append(left, filepath.Base(path))
	}
	want := []string{"id-another", "id-cut", "id-lost-parent", "id-nameless", "id-on-lost", "id-round", "id-staged",
		"id-unwanted", "stray"}
	if !slices.Equal(left, want) {
		t.Errorf("left over are %q, want %q", left, want)
	}
	chain, err := again.Chain("wanted")
	if err != nil || len(chain) != 3 {
		t.Errorf("%v %v", chain, err)
	}
	if err := again.Stage(row("on-top", "top")); err != nil {
		t.Error(err)
	}
	if found, err := (&Place{Driver: "test", Dir: dir + "/none"}).Recover(db, nil); err != nil || found.Layers != nil {
		t.Errorf("a driver that was never used: %+v %v", found, err)
	}
}
