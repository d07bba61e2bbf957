// Package layers is the table that every storage driver keeps of its layers: rows in the engine's own bbolt file,
// so that an image and its layers change in one transaction, and in memory those that are still being made.
//
// A folder without a row is an orphan. A layer therefore gets its row last and loses it first: whatever a crash
// leaves is swept when the driver is opened.
package layers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
)

// Row is one layer as the table keeps it.
type Row struct {
	fs.Info
	Link string     `json:",omitempty"` // short name of the folder, where the driver has one
	UIDs []fs.IDMap `json:",omitempty"`
	GIDs []fs.IDMap `json:",omitempty"`
}

// Table is one driver's layers.
type Table struct {
	db       fs.DB
	rows     []byte // bucket: name -> Row
	children []byte // bucket: parent, zero byte, name -> nothing

	mu     sync.Mutex
	staged map[string]Row // layers without a row: being made, or being deleted
}

// Open makes the driver's buckets where they are missing.
func Open(db fs.DB, driver string) (*Table, error) {
	t := &Table{
		db:       db,
		rows:     []byte("layers/" + driver),
		children: []byte("layers/" + driver + "/children"),
		staged:   map[string]Row{},
	}
	if t.exists() {
		return t, nil
	}
	err := db.Update(func(tx fs.Tx) error {
		_, err := tx.CreateBucketIfNotExists(t.rows)
		if err == nil {
			_, err = tx.CreateBucketIfNotExists(t.children)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make table of %s layers: %w", driver, err)
	}
	return t, nil
}

// exists saves a write, which is a wait for the disk, at every start but the first.
func (t *Table) exists() (ok bool) {
	err := t.db.View(func(tx *bbolt.Tx) error {
		ok = tx.Bucket(t.rows) != nil && tx.Bucket(t.children) != nil
		return nil
	})
	return ok && err == nil
}

// Get finds a layer.
func (t *Table) Get(name string) (row Row, err error) {
	if row, ok := t.inMemory(name); ok {
		return row, nil
	}
	err = t.db.View(func(tx *bbolt.Tx) (err error) {
		row, err = t.get(tx, name)
		return err
	})
	return row, err
}

func (t *Table) inMemory(name string) (Row, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row, ok := t.staged[name]
	return row, ok
}

func (t *Table) get(tx *bbolt.Tx, name string) (Row, error) {
	var row Row
	raw := tx.Bucket(t.rows).Get([]byte(name))
	if raw == nil {
		return row, fmt.Errorf("layer %s: %w", name, errdefs.ErrNotFound)
	}
	if err := json.Unmarshal(raw, &row); err != nil {
		return row, fmt.Errorf("layer %s: %w: %w", name, err, errdefs.ErrDataLoss)
	}
	return row, nil
}

func (t *Table) put(tx fs.Tx, row Row) error {
	raw, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("layer %s: %w", row.Name, err)
	}
	if row.Parent != "" {
		if _, err := t.get(tx.Tx, row.Parent); err != nil {
			return fmt.Errorf("below layer %s: %w", row.Name, err)
		}
		if err := tx.Bucket(t.children).Put(childKey(row.Parent, row.Name), nil); err != nil {
			return fmt.Errorf("layer %s: %w", row.Name, err)
		}
	}
	return tx.Bucket(t.rows).Put([]byte(row.Name), raw)
}

func childKey(parent, name string) []byte { return []byte(parent + "\x00" + name) }

// hasChild tells whether a row stands on name.
func (t *Table) hasChild(tx fs.Tx, name string) bool {
	prefix := childKey(name, "")
	k, _ := tx.Bucket(t.children).Cursor().Seek(prefix)
	return bytes.HasPrefix(k, prefix)
}

// Stage takes a name for a layer that is about to be made. It is in memory only.
func (t *Table) Stage(row Row) error {
	if row.Name == "" {
		return fmt.Errorf("layer without a name: %w", errdefs.ErrInvalidArgument)
	}
	if _, err := t.Get(row.Name); err == nil {
		return fmt.Errorf("layer %s: %w", row.Name, errdefs.ErrAlreadyExists)
	} else if !errdefs.IsNotFound(err) {
		return err
	}
	if !t.take(row) {
		return fmt.Errorf("layer %s: %w", row.Name, errdefs.ErrAlreadyExists)
	}
	if row.Parent == "" {
		return nil
	}
	// Looked up with the name taken, so that a removal of the parent now sees its child.
	if err := t.stands(row.Parent); err != nil {
		t.Release(row.Name)
		return fmt.Errorf("below layer %s: %w", row.Name, err)
	}
	return nil
}

// take puts a row into memory unless its name is there.
func (t *Table) take(row Row) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.staged[row.Name]; taken {
		return false
	}
	t.staged[row.Name] = row
	return true
}

// stands gives an error where there is no such layer. The lock is not held while the file is read: views of it take
// the lock, and a change that makes the file grow waits for all views and holds up new ones.
func (t *Table) stands(name string) error {
	if _, ok := t.inMemory(name); ok {
		return nil
	}
	return t.db.View(func(tx *bbolt.Tx) error {
		_, err := t.get(tx, name)
		return err
	})
}

// Release gives a staged name up, once its files are gone or it was never made.
func (t *Table) Release(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.staged, name)
}

// Chain is the layer and what is below it, downwards.
func (t *Table) Chain(name string) (chain []Row, err error) {
	if name == "" {
		return nil, fmt.Errorf("layer without a name: %w", errdefs.ErrNotFound)
	}
	err = t.db.View(func(tx *bbolt.Tx) error {
		chain, err = t.ChainIn(tx, name)
		return err
	})
	return chain, err
}

// ChainIn is Chain as tx sees it.
func (t *Table) ChainIn(tx *bbolt.Tx, name string) (chain []Row, err error) {
	for name != "" {
		row, ok := t.inMemory(name)
		if !ok {
			if row, err = t.get(tx, name); err != nil {
				return nil, err
			}
		}
		chain, name = append(chain, row), row.Parent
	}
	return chain, nil
}

// Walk calls fn for every layer that has a row and every staged one, in no order.
func (t *Table) Walk(fn func(Row) error) error {
	t.mu.Lock()
	all := make([]Row, 0, len(t.staged))
	for _, row := range t.staged {
		all = append(all, row)
	}
	t.mu.Unlock()
	err := t.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(t.rows).ForEach(func(k, _ []byte) error {
			row, err := t.get(tx, string(k))
			if err != nil {
				return err
			}
			all = append(all, row)
			return nil
		})
	})
	for i := 0; err == nil && i < len(all); i++ {
		err = fn(all[i])
	}
	return err
}

// Any tells whether the driver has a layer in db, without opening it.
func Any(db fs.DB, driver string) (some bool, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte("layers/" + driver)); b != nil {
			k, _ := b.Cursor().First()
			some = k != nil
		}
		return nil
	})
	return some, err
}
