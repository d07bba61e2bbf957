package state

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
)

var numbers = Table[string]{Name: "numbers"}

// filled is the bytes of a state with enough rows for branches.
func filled(t *testing.T) []byte {
	t.Helper()
	db := openTest(t)
	for round := range 4 {
		err := db.Update(func(tx *Tx) error {
			for n := range 300 {
				if err := numbers.Put(tx, fmt.Sprintf("%d-%d", n, round), strings.Repeat("x", n)); err != nil {
					return err
				}
			}
			return Table[string]{Name: "meta"}.Put(tx, "engine-id", "engine")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// use opens a file and reads all of it.
func use(path string) (rows int, err error) {
	db, err := Open(path)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.bolt.NoSync = true
	err = db.View(func(tx *Tx) error {
		return numbers.Walk(tx, func(string, string, error) error { rows++; return nil })
	})
	if err == nil {
		err = db.Update(func(tx *Tx) error { return numbers.Put(tx, "more", "") })
	}
	return rows, err
}

// TestDamage: whatever became of the file, Open gives an error that names it, or a state that can be used; it never
// panics or faults, and what it refuses stays as it is.
func TestDamage(t *testing.T) {
	raw := filled(t)
	page := os.Getpagesize()
	random := rand.New(rand.NewSource(1))
	type row struct {
		name    string
		damage  func(b []byte) []byte
		refused string // in the error; "" for either
	}
	rows := []row{
		{"zeroed", func(b []byte) []byte { return make([]byte, len(b)) }, "are all zero"},
		{"both heads", func(b []byte) []byte { clear(b[:2*page]); return b }, "neither of its first two pages"},
		{"another kind of file", func([]byte) []byte { return []byte(strings.Repeat("text ", 5000)) },
			"neither of its first two pages"},
		{"a few bytes", func([]byte) []byte { return []byte("abc") }, "neither of its first two pages"},
		{"cut to its heads", func(b []byte) []byte { return b[:2*page] }, "it was cut"},
		{"all but the heads", func(b []byte) []byte { clear(b[2*page:]); return b }, "has other content"},
	}
	for i := range len(raw)/page + 1 {
		rows = append(rows, row{fmt.Sprintf("cut to %d pages and a half", i),
			func(b []byte) []byte { return b[:min(i*page+page/2, len(b))] }, ""})
	}
	for i := range len(raw) / page {
		rows = append(rows,
			row{fmt.Sprintf("page %d zeroed", i), func(b []byte) []byte { clear(b[i*page : (i+1)*page]); return b }, ""},
			row{fmt.Sprintf("page %d of another file", i),
				func(b []byte) []byte { random.Read(b[i*page : (i+1)*page]); return b }, ""},
			row{fmt.Sprintf("page %d in another's place", i),
				func(b []byte) []byte { copy(b[i*page:(i+1)*page], b[(i+2)%4*page:]); return b }, ""})
	}
	for n := range 600 {
		rows = append(rows, row{fmt.Sprintf("bytes %d", n), func(b []byte) []byte {
			at := random.Intn(len(b) - 8)
			if n%2 == 0 {
				at = at/page*page + random.Intn(64) // the heads of pages, where structure is
			}
			random.Read(b[at : at+1+random.Intn(7)])
			return b
		}, ""})
	}
	path := filepath.Join(t.TempDir(), "box.db")
	found, last := 0, ""
	for _, r := range rows {
		prev := last
		bad := r.damage(append([]byte{}, raw...))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := use(path)
		last = fmt.Sprint(r.name, err)
		if err == nil && r.refused == "" {
			continue
		}
		found++
		if err == nil || !strings.Contains(err.Error(), r.refused) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", r.name, err)
		}
		if !errdefs.IsDataLoss(err) {
			t.Errorf("%s: the error has another class: %v", r.name, err)
		}
		if errdefs.IsConflict(err) {
			t.Fatal(prev)
		}
		if left, _ := os.ReadFile(path); string(left) != string(bad) {
			t.Errorf("%s: the file was changed", r.name)
		}
	}
	t.Logf("%d damaged files, %d of them refused", len(rows), found)
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := use(path); n != 1200 || err != nil {
		t.Errorf("undamaged it has %d rows: %v", n, err)
	}
}

// TestLook tells of files without touching them.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "box.db")
	if _, err := Look(path); !errdefs.IsNotFound(err) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a look made the file")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Look(path); !errdefs.IsNotFound(err) {
		t.Errorf("empty: %v", err)
	}
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := Look(path)
	if err != nil || before.Engine != "engine" || before.Change == 0 {
		t.Fatalf("%+v %v", before, err)
	}
	if _, err := use(path); err != nil {
		t.Fatal(err)
	}
	if after, err := Look(path); err != nil || after.Change <= before.Change {
		t.Errorf("after a change %+v, before %+v: %v", after, before, err)
	}
}

// TestCopyAndUpgrade: a state of an older version is copied before it is brought to the next, step by step, and a
// step that fails leaves the version before it.
func TestCopyAndUpgrade(t *testing.T) {
	db := openTest(t)
	step := func(name string, err error) func(*Tx) error {
		return func(tx *Tx) error { return errors.Join(numbers.Put(tx, name, ""), err) }
	}
	broken := errors.New("broken")
	if err := db.upgrade([]func(*Tx) error{step("two", nil), step("three", broken)}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if v, err := db.version(); v != 2 || err != nil {
		t.Errorf("version %d: %v", v, err)
	}
	if err := db.upgrade([]func(*Tx) error{step("two", broken), step("three", nil)}); err != nil {
		t.Fatal(err)
	}
	if v, err := db.version(); v != 3 || err != nil {
		t.Errorf("version %d: %v", v, err)
	}
	for _, version := range []int{1, 2} {
		kept := fmt.Sprintf("%s.v%d", db.path, version)
		b, err := bbolt.Open(kept, 0o600, &bbolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := (&DB{bolt: b, path: kept}).version(); v != version || err != nil {
			t.Errorf("what was kept of version %d has version %d: %v", version, v, err)
		}
		b.Close()
	}
	if err := db.upgrade(nil); !errdefs.IsFailedPrecondition(err) {
		t.Errorf("a newer state: %v", err)
	}
}

func BenchmarkCheck(b *testing.B) {
	path := filepath.Join(b.TempDir(), "box.db")
	db, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	err = db.Update(func(tx *Tx) error {
		for n := range 1000 {
			if err := numbers.Put(tx, fmt.Sprint(n), strings.Repeat("x", 3000)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if _, err := check(f); err != nil {
			b.Fatal(err)
		}
	}
}
