package vfs

import (
	"testing"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func TestSuite(t *testing.T) {
	fstest.Suite{Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		return Open(t.Context(), root, db, d, nil)
	}}.Run(t)
}
