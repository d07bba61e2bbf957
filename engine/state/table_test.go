package state

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	bbolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"box/fs/disk"
)

type thing struct {
	Name  string
	Count int
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestTable: what is put is there after the file was opened again, in the order of keys; what was deleted is not, and
// what cannot be written or read says whose it is.
func TestTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.db")
	db, err := Open(path)
	must(t, err)
	things := Table[thing]{Name: "things"}
	keys := []string{"b", "a", "\x00", "한글", strings.Repeat("k", 1000), "a/b"}
	must(t, db.Update(func(tx *Tx) error {
		for i, k := range keys {
			if err := things.Put(tx, k, thing{k, i}); err != nil {
				return err
			}
		}
		return errors.Join(things.Put(tx, "b", thing{"again", 9}), things.Put(tx, "gone", thing{}), things.Delete(tx, "gone"),
			things.Delete(tx, "never"))
	}))
	must(t, db.Close())
	db, err = OpenOld(path)
	must(t, err)
	defer db.Close()
	var walked []string
	must(t, db.View(func(tx *Tx) error {
		return things.Walk(tx, func(key string, v thing, bad error) error {
			walked = append(walked, key)
			if key != "b" && v.Name != key || key == "b" && v.Count != 9 {
				t.Errorf("%q holds %+v", key, v)
			}
			return bad
		})
	}))
	slices.Sort(keys)
	if !slices.Equal(walked, keys) {
		t.Errorf("%q, want %q", walked, keys)
	}
	must(t, db.View(func(tx *Tx) error {
		for what, err := range map[string]error{
			"a key that is gone":   second(things.Get(tx, "gone")),
			"a key that never was": second(things.Get(tx, "x")),
			"a table that is none": second(Table[int]{Name: "none"}.Get(tx, "x")),
		} {
			if !errdefs.IsNotFound(err) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := (Table[int]{Name: "things"}).Get(tx, "a"); !errdefs.IsDataLoss(err) ||
			!strings.Contains(err.Error(), `things "a"`) {
			t.Errorf("of another kind: %v", err)
		}
		return Table[int]{Name: "none"}.Walk(tx, func(string, int, error) error { return errors.New("something is there") })
	}))
	for what, put := range map[string]func(tx *Tx) error{
		"an empty key": func(tx *Tx) error { return things.Put(tx, "", thing{}) },
		"a long key":   func(tx *Tx) error { return things.Put(tx, strings.Repeat("k", 40_000), thing{}) },
		"no JSON":      func(tx *Tx) error { return Table[float64]{Name: "numbers"}.Put(tx, "nan", math.NaN()) },
	} {
		before, err := db.Summary()
		must(t, err)
		if err := db.Update(func(tx *Tx) error {
			return errors.Join(things.Put(tx, "beside", thing{}),
				put(tx))
		}); err == nil {
			t.Errorf("%s is taken", what)
		}
		after, err := db.Summary()
		if err != nil || after != before {
			t.Errorf("%s was refused and changed %+v to %+v", what, before, after)
		}
		if err := db.Batch(put); err == nil {
			t.Errorf("%s is taken in a batch", what)
		}
	}
	if err := db.View(func(tx *Tx) error { return second(things.Get(tx, "beside")) }); !errdefs.IsNotFound(err) {
		t.Errorf("half of what was refused is there: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestWalkPassesBadRows: a row that cannot be read is told with its key, and the others are walked.
func TestWalkPassesBadRows(t *testing.T) {
	db := openTest(t)
	numbers := Table[int]{Name: "numbers"}
	must(t, db.Update(func(tx *Tx) error {
		return errors.Join(numbers.Put(tx, "1", 1), Table[string]{Name: "numbers"}.Put(tx, "2", "two"),
			numbers.Put(tx, "3", 3))
	}))
	var seen []string
	must(t, db.View(func(tx *Tx) error {
		return numbers.Walk(tx, func(key string, v int, bad error) error {
			seen = append(seen, fmt.Sprintf("%s %d %v", key, v, errdefs.IsDataLoss(bad)))
			return nil
		})
	}))
	if want := []string{"1 1 false", "2 0 true", "3 3 false"}; !slices.Equal(seen, want) {
		t.Errorf("%q", seen)
	}
}

// TestOneAtATime: a file that is open is nobody else's, and is when it was closed.
func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.db")
	if _, err := OpenOld(path); !errdefs.IsNotFound(err) {
		t.Errorf("an old one that is not there: %v", err)
	}
	db, err := Open(path)
	must(t, err)
	if _, err := Open(path); !errdefs.IsConflict(err) {
		t.Errorf("opened twice: %v", err)
	}
	must(t, db.Close())
	db, err = Open(path)
	must(t, err, db.Close())
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", st.Mode(), err)
	}
	newer := filepath.Join(t.TempDir(), "box.db")
	db, err = Open(newer)
	must(t, err, db.Update(func(tx *Tx) error { return metaTable.Put(tx, "version", Version+1) }), db.Close())
	was, err := os.ReadFile(newer)
	must(t, err)
	if _, err := Open(newer); !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), "use a newer box") {
		t.Errorf("a newer one: %v", err)
	}
	if is, err := os.ReadFile(newer); err != nil || string(is) != string(was) {
		t.Errorf("a newer one was changed: %v", err)
	}
}

// TestCopyFails: a copy that cannot be written leaves the one before.
func TestCopyFails(t *testing.T) {
	db := openTest(t)
	path := filepath.Join(t.TempDir(), "copy")
	must(t, db.CopyTo(path, nil))
	was, err := os.ReadFile(path)
	must(t, err)
	numbers := Table[int]{Name: "numbers"}
	must(t, db.Update(func(tx *Tx) error { return numbers.Put(tx, "n", 1) }))
	for _, kind := range []disk.Kind{disk.Create, disk.Write, disk.Sync, disk.Rename} {
		d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
			if op.Kind == kind {
				return unix.ENOSPC
			}
			return do()
		}}
		err := db.CopyTo(path, d) // bbolt keeps no more of an error than its text
		if err == nil || !strings.Contains(err.Error(), "no space left") || !strings.Contains(err.Error(), "copy state") {
			t.Errorf("%s: %v", kind, err)
		}
		is, err := os.ReadFile(path)
		if left, _ := os.ReadDir(filepath.Dir(path)); err != nil || string(is) != string(was) || len(left) != 1 {
			t.Errorf("%s: the copy has changed, or %v is left, %v", kind, left, err)
		}
	}
	must(t, db.CopyTo(path, nil))
	s, err := Look(path)
	have, haveErr := db.Summary()
	if must(t, err, haveErr); s != have {
		t.Errorf("the copy says %+v, the state %+v", s, have)
	}
	must(t, os.WriteFile(path, []byte("no state"), 0o600))
	if _, err := Look(path); err == nil || errors.Is(err, bbolterrors.ErrTimeout) {
		t.Errorf("text is looked at: %v", err)
	}
}
