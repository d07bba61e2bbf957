package vfs

import (
	"testing"

	"box/fs"
	"box/fs/fstest"
)

func TestSuite(t *testing.T) {
	fstest.Run(t, func(t *testing.T, root string, db fs.DB) fs.Driver {
		d, err := Open(t.Context(), root, db, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
