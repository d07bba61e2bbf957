package state

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
)

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
