package fs

import "go.etcd.io/bbolt"

// DB is the file that holds the tables of layers and everything else the engine keeps.
type DB interface {
	// View shows the file as it is at one moment.
	View(fn func(*bbolt.Tx) error) error
	// Update makes one change, together with others that are wanted at the same time: fn may run more than once. The
	// change is on the disk when Update returns nil.
	Update(fn func(Tx) error) error
}

// Tx is one change.
type Tx struct {
	*bbolt.Tx
	// Committed has fn called once the change is on the disk. bbolt's OnCommit does not call it for a change that was
	// on the disk at the second try only.
	Committed func(fn func())
}
