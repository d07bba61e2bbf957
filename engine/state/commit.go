package state

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// settleTries is how often a change whose write failed at its end is written again, and settleWait the pause between
// attempts.
const (
	settleTries = 3
	settleWait  = 20 * time.Millisecond
)

// commit applies one change, and then calls the registered functions.
func (db *DB) commit(fn func(*Tx) error) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	var id int
	var done []func()
	var refused error
	err := guarded(db.path, func() error {
		return db.bolt.Update(func(b *bbolt.Tx) error {
			tx := &Tx{bolt: b}
			id, refused = b.ID(), fn(tx)
			done = tx.done
			return refused
		})
	})
	if err != nil && refused == nil {
		err = db.settle(id, err)
	}
	if err != nil {
		return err
	}
	db.changes.Add(1)
	if db.told != nil {
		db.told()
	}
	for _, fn := range done {
		fn()
	}
	return nil
}

// settle finds out whether the change id, whose write failed, took effect. Before bbolt writes its head, nothing has
// happened. If the sync after that fails, the change is visible, but it is not known whether it is on disk; bbolt
// returns an error and continues with it, and a caller who then deletes what the change refers to would lose it.
// Another write, which goes to the other of the two heads, makes the change durable in any case. Views of the state
// before the change must end first, because bbolt has freed the pages that the change replaced, and the write may use
// them.
func (db *DB) settle(id int, failed error) error {
	db.reading.Lock()
	defer db.reading.Unlock()
	failed = fmt.Errorf("write state %s: %w", db.path, failed)
	for range settleTries {
		shows := false
		err := db.bolt.View(func(tx *bbolt.Tx) error {
			shows = tx.ID() >= id
			return nil
		})
		if err != nil || !shows {
			return errors.Join(failed, err)
		}
		if err := db.bolt.Update(func(*bbolt.Tx) error { return nil }); err == nil {
			return nil
		}
		time.Sleep(settleWait)
	}
	return failed
}

// Changes returns the number of changes since Open.
func (db *DB) Changes() uint64 { return db.changes.Load() }
