package state

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func openTest(t *testing.T) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// TestBatchTogether has many changes at once, some of which fail: those are undone and told, the others are there.
func TestBatchTogether(t *testing.T) {
	db := openTest(t)
	table := Table[int]{Name: "numbers"}
	refused := errors.New("refused")
	var group sync.WaitGroup
	for n := range 200 {
		group.Go(func() {
			err := db.Batch(func(tx *Tx) error {
				if err := table.Put(tx, fmt.Sprint(n), n); err != nil {
					return err
				}
				if n%7 == 0 {
					return refused
				}
				return nil
			})
			if (n%7 == 0) != errors.Is(err, refused) {
				t.Errorf("change %d: %v", n, err)
			}
		})
	}
	group.Wait()
	rows := 0
	err := db.View(func(tx *Tx) error {
		return table.Walk(tx, func(key string, v int, bad error) error {
			if v%7 == 0 {
				t.Errorf("change %d failed and is there", v)
			}
			rows++
			return bad
		})
	})
	if want := 200 - 29; err != nil || rows != want {
		t.Errorf("%d rows, want %d (%v)", rows, want, err)
	}
}

// TestBatchAlone: a lone change does not wait for company. bbolt's Batch takes over 10 ms each.
func TestBatchAlone(t *testing.T) {
	db := openTest(t)
	table := Table[int]{Name: "numbers"}
	best := time.Hour
	for n := range 20 {
		began := time.Now()
		if err := db.Batch(func(tx *Tx) error { return table.Put(tx, "n", n) }); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(began))
	}
	if best > 8*time.Millisecond {
		t.Errorf("the quickest of 20 changes took %v", best)
	}
}
