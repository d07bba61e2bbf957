package enginetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/engine/state"
	"box/fs/disk"
)

// tap puts d between bbolt and its file. bbolt has no place for that, so the function by which it writes pages is
// replaced in its unexported fields: a change is writes of pages, a sync, the write of one of the first two pages,
// which is the head, and another sync. The syncs are told where they are: a first that fails is to bbolt as a head
// that was not written, and a second as one whose write gave an error after it was done.
func tap(db *bbolt.DB, d *disk.Disk) {
	v := reflect.ValueOf(db).Elem()
	write := (*func([]byte, int64) (int, error))(unsafe.Pointer(v.FieldByName("ops").FieldByName("writeAt").UnsafeAddr()))
	file := *(**os.File)(unsafe.Pointer(v.FieldByName("file").UnsafeAddr()))
	fd, kernel, heads := int(file.Fd()), *write, int64(2*db.Info().PageSize)
	sync := func() error { return d.Around(&disk.Op{Kind: disk.Sync, FD: fd}, func() error { return nil }) }
	*write = func(p []byte, at int64) (n int, err error) {
		if at < heads {
			if err := sync(); err != nil {
				return 0, err
			}
		}
		op := &disk.Op{Kind: disk.Write, FD: fd, Data: p, Off: at}
		err = d.Around(op, func() error {
			n, err = kernel(op.Data, at)
			return err
		})
		if err == nil && at < heads {
			err = sync()
		}
		return n, err
	}
}

// TestViewBesideFailedWrite: a view of the state stays what it is while a write fails whose head the disk has taken
// all the same, and while others follow.
func TestViewBesideFailedWrite(t *testing.T) {
	db, err := state.Open(filepath.Join(t.TempDir(), "box.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	heads, failing := int64(2*db.Bolt().Info().PageSize), false
	tap(db.Bolt(), &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		err := do()
		if failing && op.Kind == disk.Write && op.Off < heads {
			failing, err = false, unix.EIO
		}
		return err
	}})
	const rows = 400 // on several pages
	table := state.Table[string]{Name: "rows"}
	put := func(round int) error {
		return db.Update(func(tx *state.Tx) error {
			for n := range rows {
				if err := table.Put(tx, fmt.Sprintf("%04d", n),
					fmt.Sprintf("round %04d of a row that takes some room", round)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	all := func(tx *state.Tx) map[string]int {
		values := map[string]int{}
		for n := range rows {
			v, err := table.Get(tx, fmt.Sprintf("%04d", n))
			values[fmt.Sprint(v, err)]++
		}
		return values
	}
	big := func(tx *state.Tx) error {
		return table.Put(tx, "big",
			strings.Repeat("x", 4<<20))
	} // a file that grows would have to wait for views
	if err := errors.Join(db.Update(big),
		db.Update(func(tx *state.Tx) error { return table.Delete(tx, "big") })); err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		if err := put(round); err != nil {
			t.Fatal(err)
		}
	}
	viewing, written := make(chan struct{}), make(chan error, 1)
	go func() {
		<-viewing
		failing = true
		err := put(100)
		for round := 101; err == nil && round < 110; round++ {
			err = put(round)
		}
		written <- err
	}()
	err = db.View(func(tx *state.Tx) error {
		before := all(tx)
		close(viewing)
		select { // the writes wait for this view, or spoil it
		case err := <-written:
			written <- err
		case <-time.After(200 * time.Millisecond):
		}
		if after := all(tx); !reflect.DeepEqual(before, after) {
			t.Errorf("a view of %v is %v after writes", before, after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if err := db.View(func(tx *state.Tx) error {
		if got := all(tx); len(got) != 1 {
			t.Errorf("at the end there are %v", got)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
