package layers

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/fstest"
)

// TestStageWhileTheFileGrows: names are taken and chains are read while changes make the file grow, for which bbolt
// waits for all views.
func TestStageWhileTheFileGrows(t *testing.T) {
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Open(fstest.DB(db), "test")
	if err != nil {
		t.Fatal(err)
	}
	base := Row{Info: fs.Info{Name: "base"}}
	if err := table.Stage(base); err != nil {
		t.Fatal(err)
	}
	if _, err := table.KeepNow(fs.Committed, "base"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var group sync.WaitGroup
		for g := range 8 {
			group.Go(func() {
				for n := range 400 {
					name := fmt.Sprintf("%d-%d", g, n)
					if err := table.Stage(Row{Info: fs.Info{Name: name, Parent: "base"}}); err != nil {
						t.Error(err)
					}
					if chain, err := table.Chain(name); err != nil || len(chain) != 2 {
						t.Errorf("chain of %s: %v %v", name, chain, err)
					}
					table.Release(name)
				}
			})
		}
		group.Go(func() {
			for n := range 60 { // each doubles what bbolt maps until it has it all
				err := db.Update(func(tx *bbolt.Tx) error {
					b, err := tx.CreateBucketIfNotExists([]byte("filler"))
					if err != nil {
						return err
					}
					return b.Put([]byte{byte(n)}, make([]byte, 64<<10))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		group.Wait()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("they wait for one another")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
