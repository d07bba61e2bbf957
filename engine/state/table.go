package state

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

// Table is a named table of values, stored as JSON under string keys and sorted by key. Missing fields are zero. A
// table that was never written to is empty.
type Table[T any] struct {
	Name string
}

// Get returns the value of key, or errdefs.ErrNotFound.
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

// Put sets the value of key.
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

// Delete removes key. A missing key is no error.
func (t Table[T]) Delete(tx *Tx, key string) error {
	b := tx.bolt.Bucket([]byte(t.Name))
	if b == nil {
		return nil
	}
	return b.Delete([]byte(key))
}

// Walk calls fn for every row in order of keys. A row that cannot be decoded has a zero v and the error bad, so that a
// damaged row does not hide the others. If fn returns an error, Walk ends and returns it.
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
