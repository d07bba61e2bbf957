package state

import (
	"fmt"
	"path/filepath"

	"github.com/containerd/errdefs"
)

// Version is the version of the tables. A file of a newer version is refused, so that an older box does not change what
// it does not understand.
const Version = 1

// upgrades are the steps from each version to the next, starting with version 1. Each is a transaction that also sets
// the new number.
var upgrades = [Version - 1]func(*Tx) error{}

var metaTable = Table[int]{Name: "meta"}

// takeVersion writes the version to a new file, and upgrades an older one.
func (db *DB) takeVersion(fresh bool) error {
	if fresh {
		if err := db.Update(func(tx *Tx) error { return metaTable.Put(tx, "version", Version) }); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(db.path))
	}
	return db.upgrade(upgrades[:])
}

// upgrade runs the missing steps after it has made a copy of the file, to which an older box can return.
func (db *DB) upgrade(steps []func(*Tx) error) error {
	have, err := db.version()
	newest := len(steps) + 1
	switch {
	case err != nil:
		return err
	case have > newest:
		return fmt.Errorf("state %s has version %d and this box knows %d: use a newer box: %w",
			db.path, have, newest, errdefs.ErrFailedPrecondition)
	case have < 1:
		return &Damage{Path: db.path, What: fmt.Sprintf("it says that it has version %d, which no box ever wrote", have)}
	case have == newest:
		return nil
	}
	if err := db.CopyTo(fmt.Sprintf("%s.v%d", db.path, have), nil); err != nil {
		return fmt.Errorf("keep state of version %d before it becomes one of %d: %w", have, newest, err)
	}
	for ; have < newest; have++ {
		err := db.Update(func(tx *Tx) error {
			if err := steps[have-1](tx); err != nil {
				return err
			}
			return metaTable.Put(tx, "version", have+1)
		})
		if err != nil {
			return fmt.Errorf("bring state %s from version %d to %d: %w", db.path, have, have+1, err)
		}
	}
	return nil
}

func (db *DB) version() (have int, err error) {
	err = db.View(func(tx *Tx) error {
		have, err = metaTable.Get(tx, "version")
		return err
	})
	if errdefs.IsNotFound(err) || errdefs.IsDataLoss(err) {
		return 0, &Damage{Path: db.path, What: "it does not say its version"}
	}
	return have, err
}
