package overlay

import (
	"fmt"
	"os"
	"path/filepath"

	"box/fs/disk"
	"box/fs/layers"
)

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: Name, Dir: root, Disk: d,
		Row:   func(id string) string { return filepath.Join(root, id, ".layer.json") },
		Other: func(string) bool { return false },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// check checks that what is in the table exists.
func (d *Driver) check() (faults []string, err error) {
	err = d.table.Walk(func(row layers.Row) error {
		if _, err := os.Lstat(d.files(row)); err != nil {
			faults = append(faults, fmt.Sprintf("layer %s is missing: %v", row.Name, err))
		}
		return nil
	})
	return faults, err
}
