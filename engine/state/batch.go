package state

import "slices"

// batch brings changes together that are wanted at the same time, so that they share one write to the disk. Nobody
// waits for company: who finds no write under way starts one at once, and those who come while it runs go together in
// the next. (bbolt's own Batch holds a lone change back for 10 ms.)
type batch struct {
	waiting []*change
	writing bool
}

// change is one caller of Batch.
type change struct {
	fn   func(*Tx) error
	done chan error
	turn chan struct{}
}

// Batch is Update for many goroutines at once: their changes may share one write to the disk. fn may run more
// than once, so it must set what it returns anew each time.
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

// writeWaiting writes all that waits and hands the next round to the first of those who came meanwhile.
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

// writeTogether makes changes in one transaction. One that gives an error is taken out, and the others run again
// without it.
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
