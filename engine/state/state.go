package state

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
)

// lockWait is how long Open waits for another process to release the file: long enough for a daemon that is ending,
// short enough to report a second daemon quickly.
const lockWait = 200 * time.Millisecond

// DB is an open state file. It may be used by several goroutines.
type DB struct {
	bolt    *bbolt.DB
	path    string
	reading sync.RWMutex // held by views, so that settle can wait for them
	writing sync.Mutex   // one commit at a time, with what is done when its write fails
	changes atomic.Uint64
	told    func() // of each change

	mu    sync.Mutex // guards batch
	batch batch
}

// Tx is a transaction: a view of the whole state at one moment, or a change. It must not be used after the function
// that received it has returned.
type Tx struct {
	bolt *bbolt.Tx
	done []func()
}

// Open opens the state file at path, and creates it with mode 0600 if it is missing or empty. The error is
// errdefs.ErrConflict if another process uses it, a *Damage if it is damaged, and errdefs.ErrFailedPrecondition if a
// newer box wrote it; the file is not changed then.
func Open(path string) (*DB, error) { return open(path, true) }

// OpenOld is Open for a file that was written to before. Without content the error is errdefs.ErrNotFound.
func OpenOld(path string) (*DB, error) { return open(path, false) }

func open(path string, begin bool) (*DB, error) {
	f, err := lock(path)
	if err != nil {
		return nil, err
	}
	fresh, err := check(f)
	if err == nil && fresh && !begin {
		err = fmt.Errorf("state %s is empty: %w", path, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var b *bbolt.DB
	err = guarded(path, func() error {
		b, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:        lockWait,
			NoFreelistSync: true, // rebuilt at Open: saves a page write at every commit
			FreelistType:   bbolt.FreelistMapType,
			OpenFile:       func(string, int, os.FileMode) (*os.File, error) { return f, nil },
		})
		return err
	})
	if err != nil {
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // after a panic of bbolt's its map keeps the lock, else the file is closed
		f.Close()
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	db := &DB{bolt: b, path: path}
	if err := db.takeVersion(fresh); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return db, nil
}

// lock opens the file for this process only.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	for end := time.Now().Add(lockWait); ; time.Sleep(lockWait / 10) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock state %s: %w", path, err), f.Close())
		case time.Now().After(end):
			return nil, errors.Join(fmt.Errorf("state %s is in use by another daemon: %w", path, errdefs.ErrConflict), f.Close())
		}
	}
}

// syncFolder makes the name of a new file in dir durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// OnChange registers a function to call after each change. It must be called before anybody else uses the file.
func (db *DB) OnChange(fn func()) { db.told = fn }

// Close waits for transactions and closes the file.
func (db *DB) Close() error { return db.bolt.Close() }

// View runs fn with a view of the state that does not change meanwhile.
func (db *DB) View(fn func(*Tx) error) error {
	return db.view(func(tx *bbolt.Tx) error { return fn(&Tx{bolt: tx}) })
}

func (db *DB) view(fn func(*bbolt.Tx) error) error {
	db.reading.RLock()
	defer db.reading.RUnlock()
	return db.bolt.View(fn)
}

// Update runs fn as one change, which is durable when Update returns nil, and undone if fn or the disk returns an
// error. Changes run one at a time, so fn must not wait for anything.
func (db *DB) Update(fn func(*Tx) error) error { return db.commit(fn) }

// Bolt returns the file, for tests that put something between it and the disk.
func (db *DB) Bolt() *bbolt.DB { return db.bolt }

// Layers returns the transaction for the tables of layers, which storage drivers keep in the same file, so that an
// image and its layers change together.
func (tx *Tx) Layers() fs.Tx {
	return fs.Tx{Tx: tx.bolt, Committed: func(fn func()) { tx.done = append(tx.done, fn) }}
}

// Layers returns the file for the same purpose.
func (db *DB) Layers() fs.DB { return layers{db} }

type layers struct{ db *DB }

// View implements fs.DB.
func (l layers) View(fn func(*bbolt.Tx) error) error { return l.db.view(fn) }

// Update implements fs.DB.
func (l layers) Update(fn func(fs.Tx) error) error {
	return l.db.Batch(func(tx *Tx) error { return fn(tx.Layers()) })
}
