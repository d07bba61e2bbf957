package state

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// settleTries is how often a change whose write failed at the very end is written again, and settleWait how long is
// waited before.
const (
	settleTries = 3
	settleWait  = 20 * time.Millisecond
)

// commit makes one change, and then calls what waits for it.
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

// settle finds out what became of the change id, whose write failed. As long as bbolt has not written its head,
// nothing has happened. When the sync after that failed, the change shows and nobody knows whether the disk has it;
// bbolt tells of an error and goes on with it, and a caller who then deletes what the change names would lose it. One
// more write, which goes to the other of the two heads, makes the change durable, whatever became of the first. Views
// of the state before the change end first: bbolt has taken the pages that the change gave up for free when it
// failed, and that write may be to one of them.
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

// Changes counts what was changed since Open.
func (db *DB) Changes() uint64 { return db.changes.Load() }
