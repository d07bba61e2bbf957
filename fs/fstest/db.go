package fstest

import (
	"go.etcd.io/bbolt"

	"box/fs"
)

// DB is a file without anything of the engine's.
func DB(b *bbolt.DB) fs.DB { return plainDB{b} }

type plainDB struct{ *bbolt.DB }

// Update implements fs.DB.
func (p plainDB) Update(fn func(fs.Tx) error) error {
	return p.DB.Update(func(tx *bbolt.Tx) error { return fn(fs.Tx{Tx: tx, Committed: tx.OnCommit}) })
}
