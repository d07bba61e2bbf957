package vfs

import (
	"testing"

	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/fstest"
)

func TestSuite(t *testing.T) {
	fstest.Run(t, func(t *testing.T, root string, db *bbolt.DB) fs.Driver {
		d, err := Open(t.Context(), root, db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
