// Package state keeps what must outlive the daemon: one bbolt file of typed tables.
//
// Every change is one transaction: after a crash, or power that went away, a reader sees all of it or
// nothing of it. Update returns once the change is on the disk.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Version is the layout of the tables. A file of a newer version is refused, so that an older box never
// rewrites what it does not understand.
const Version = 1

// lockWait is how long Open waits for another process to let go of the file: long enough for a daemon
// that is just ending, short enough that a second daemon is told at once.
const lockWait = 200 * time.Millisecond

// DB is one open state file. It may be used from any goroutine.
type DB struct {
	bolt *bbolt.DB

	mu    sync.Mutex // guards batch
	batch batch
}

// Tx is one transaction: a view of the whole state at one moment, or one change to it. It must not be kept
// after the function that it was given to returns.
type Tx struct {
	bolt *bbolt.Tx
}

// Open opens the state file at path and makes it, with mode 0600, where it is missing.
// A file held by another process gives errdefs.ErrConflict.
func Open(path string) (*DB, error) {
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:        lockWait,
		NoFreelistSync: true, // rebuilt at Open: saves a page write at every commit
		FreelistType:   bbolt.FreelistMapType,
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("state %s is in use by another daemon: %w", path, errdefs.ErrConflict)
	}
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	b.MaxBatchDelay = 0 // of storage drivers that write rows on their own: no company is worth a wait
	db := &DB{bolt: b}
	if err := db.checkVersion(path); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return db, nil
}

func (db *DB) checkVersion(path string) error {
	meta := Table[int]{Name: "meta"}
	have := 0
	err := db.View(func(tx *Tx) (err error) {
		have, err = meta.Get(tx, "version")
		return err
	})
	switch {
	case errdefs.IsNotFound(err):
		if err := db.Update(func(tx *Tx) error { return meta.Put(tx, "version", Version) }); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("read version of state %s: %w", path, err)
	case have > Version:
		return fmt.Errorf("state %s has version %d and this box knows %d: use a newer box: %w",
			path, have, Version, errdefs.ErrFailedPrecondition)
	}
	return nil
}

// syncFolder makes the name of a new file in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Close waits for transactions under way and gives the file up.
func (db *DB) Close() error { return db.bolt.Close() }

// View runs fn on a view of the state that does not change while fn runs.
func (db *DB) View(fn func(*Tx) error) error {
	return db.bolt.View(func(tx *bbolt.Tx) error { return fn(&Tx{bolt: tx}) })
}

// Update runs fn as one change: durable when Update returns nil, undone when fn or the disk gives an error.
// Changes run one at a time, so fn must not wait for anything.
func (db *DB) Update(fn func(*Tx) error) error {
	return db.bolt.Update(func(tx *bbolt.Tx) error { return fn(&Tx{bolt: tx}) })
}

// Bolt is the transaction for the tables of layers, which storage drivers keep in the same file so that an
// image and its layers change together.
func (tx *Tx) Bolt() *bbolt.Tx { return tx.bolt }

// Bolt is the file itself, for the same purpose as Tx.Bolt.
func (db *DB) Bolt() *bbolt.DB { return db.bolt }

// Table is a named table of values kept as JSON under string keys, in key order. The zero value of T is what
// a missing field reads as; a table that was never written to is empty.
type Table[T any] struct {
	Name string
}

// Get reads the value under key; errdefs.ErrNotFound when there is none.
func (t Table[T]) Get(tx *Tx, key string) (T, error) {
	var v T
	b := tx.bolt.Bucket([]byte(t.Name))
	var raw []byte
	if b != nil {
		raw = b.Get([]byte(key))
	}
	if raw == nil {
		return v, fmt.Errorf("%s %q: %w", t.Name, key, errdefs.ErrNotFound)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("%s %q: %w", t.Name, key, errors.Join(err, errdefs.ErrDataLoss))
	}
	return v, nil
}

// Put writes v under key, in place of what was there.
func (t Table[T]) Put(tx *Tx, key string, v T) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%s %q: %w", t.Name, key, err)
	}
	b, err := tx.bolt.CreateBucketIfNotExists([]byte(t.Name))
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	return b.Put([]byte(key), raw)
}

// Delete removes key; a key that is not there is no error.
func (t Table[T]) Delete(tx *Tx, key string) error {
	b := tx.bolt.Bucket([]byte(t.Name))
	if b == nil {
		return nil
	}
	return b.Delete([]byte(key))
}

// Walk calls fn for every row in key order. A row that does not parse is given with the error in bad and a
// zero v, so that one damaged row never hides the others. fn's error ends the walk and is returned.
func (t Table[T]) Walk(tx *Tx, fn func(key string, v T, bad error) error) error {
	b := tx.bolt.Bucket([]byte(t.Name))
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, raw []byte) error {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			var zero T
			return fn(string(k), zero, fmt.Errorf("%s %q: %w", t.Name, k, errors.Join(err, errdefs.ErrDataLoss)))
		}
		return fn(string(k), v, nil)
	})
}
