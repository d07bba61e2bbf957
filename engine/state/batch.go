package state

import "slices"

// batch combines changes that are wanted at the same time, so that they share one write to the disk. Nobody waits for
// others: a change starts a write at once if there is none, and changes that arrive during a write share the next one.
// (bbolt's own Batch delays a single change by 10 ms.)
type batch struct {
	waiting []*change
	writing bool
}

// change is a call of Batch.
type change struct {
	fn   func(*Tx) error
	done chan error
	turn chan struct{}
}

// Batch is Update for many goroutines, whose changes may share one write to the disk. fn may run more than once, so it
// must set its results anew each time.
func (db *DB) Batch(fn func(*Tx) error) error {
	c := &change{fn: fn, done: make(chan error, 1), turn: make(chan struct{}, 1)}
	db.mu.Lock()
	db.batch.waiting = append(db.batch.waiting, c)
	if !db.batch.writing {
		db.batch.writing = true
		c.turn <- struct{}{}
	}
	db.mu.Unlock()
	select {
	case <-c.turn:
		db.writeWaiting()
		return <-c.done
	case err := <-c.done:
		return err
	}
}

// writeWaiting writes all waiting changes, and lets the first of those that arrived meanwhile do the next round.
func (db *DB) writeWaiting() {
	db.mu.Lock()
	mine := db.batch.waiting
	db.batch.waiting = nil
	db.mu.Unlock()
	db.writeTogether(mine)
	db.mu.Lock()
	defer db.mu.Unlock()
	if len(db.batch.waiting) == 0 {
		db.batch.writing = false
		return
	}
	db.batch.waiting[0].turn <- struct{}{}
}

// writeTogether applies changes in one transaction. A change that returns an error is removed, and the others run
// again.
func (db *DB) writeTogether(changes []*change) {
	for len(changes) > 0 {
		bad := -1
		err := db.commit(func(tx *Tx) error {
			for i, c := range changes {
				if err := c.fn(tx); err != nil {
					bad = i
					return err
				}
			}
			return nil
		})
		if bad < 0 {
			for _, c := range changes {
				c.done <- err
			}
			return
		}
		changes[bad].done <- err
		changes = slices.Delete(changes, bad, bad+1)
	}
}
