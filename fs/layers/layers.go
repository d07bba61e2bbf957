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
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
)

// Row is a row of the table.
type Row struct {
	fs.Info
	Link string     `json:",omitempty"` // short name of the folder, where the driver has one
	UIDs []fs.IDMap `json:",omitempty"`
	GIDs []fs.IDMap `json:",omitempty"`
	// Quota is what the layer may grow to in bytes, 0 for no limit.
	Quota int64 `json:",omitempty"`
}

// Table is the layers of one driver.
type Table struct {
	db       fs.DB
	rows     []byte // bucket: name -> Row
	children []byte // bucket: parent, zero byte, name -> nothing

	mu     sync.Mutex
	staged map[string]Row // layers without a row: being made, or being deleted
}

// Open creates the driver's buckets if they are missing.
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

// exists saves a write, for which a start would have to wait.
func (t *Table) exists() (ok bool) {
	err := t.db.View(func(tx *bbolt.Tx) error {
		ok = tx.Bucket(t.rows) != nil && tx.Bucket(t.children) != nil
		return nil
	})
	return ok && err == nil
}

// Get returns a layer.
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

// hasChild tells whether a row has name as parent.
func (t *Table) hasChild(tx fs.Tx, name string) bool {
	prefix := childKey(name, "")
	k, _ := tx.Bucket(t.children).Cursor().Seek(prefix)
	return bytes.HasPrefix(k, prefix)
}

// Stage reserves a name for a layer that is about to be made, in memory only.
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
	// Checked after the name was taken, so that a removal of the parent sees its child.
	if err := t.stands(row.Parent); err != nil {
		t.Release(row.Name)
		return fmt.Errorf("below layer %s: %w", row.Name, err)
	}
	return nil
}

// take adds a row in memory unless its name exists.
func (t *Table) take(row Row) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, taken := t.staged[row.Name]; taken {
		return false
	}
	t.staged[row.Name] = row
	return true
}

// stands returns an error if there is no such layer. It does not hold the lock while it reads the file: views of the
// file take the lock, and a change that makes the file grow waits for all views and blocks new ones.
func (t *Table) stands(name string) error {
	if _, ok := t.inMemory(name); ok {
		return nil
	}
	return t.db.View(func(tx *bbolt.Tx) error {
		_, err := t.get(tx, name)
		return err
	})
}

// Release gives up a staged name when its files are deleted or were never made.
func (t *Table) Release(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.staged, name)
}

// Chain returns a layer and those below it, top first.
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

// ChainIn is Chain in tx.
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

// Walk calls fn for all layers, staged ones included, in no particular order.
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

// Any tells whether the driver has a layer in db, without opening the driver.
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

// Drivers lists the drivers that have layers in db, sorted.
func Drivers(db fs.DB) (list []string, err error) {
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(bucket []byte, b *bbolt.Bucket) error {
			name, ok := strings.CutPrefix(string(bucket), "layers/")
			if k, _ := b.Cursor().First(); ok && k != nil && !strings.HasSuffix(name, "/children") {
				list = append(list, name)
			}
			return nil
		})
	})
	return list, err
}
