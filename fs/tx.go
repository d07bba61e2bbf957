package fs

import "go.etcd.io/bbolt"

// DB is the file with the tables of layers and with all other state of the engine.
type DB interface {
	// View reads the file as it is at one moment.
	View(fn func(*bbolt.Tx) error) error
	// Update changes the file. Changes that are requested at the same time share a transaction, so fn may run more than
	// once. The change is durable when Update returns nil.
	Update(fn func(Tx) error) error
}

// Tx is a transaction that changes the file.
type Tx struct {
	*bbolt.Tx
	// Committed registers a function to call when the change is on disk. bbolt's OnCommit is not called for a change
	// that succeeded only at the second attempt.
	Committed func(fn func())
}
