package overlay2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"box/fs/disk"
	"box/fs/layers"
)

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: Name, Dir: root, Disk: d,
		Row:   func(id string) string { return filepath.Join(root, id, "layer.json") },
		Other: func(name string) bool { return name == "l" },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// check checks that what is in the table exists. It makes missing short names again.
func (d *Driver) check() (faults []string, err error) {
	links, err := os.ReadDir(filepath.Join(d.root, "l"))
	if err != nil {
		return nil, fmt.Errorf("open overlay2: %w", err)
	}
	linked := map[string]bool{}
	for _, l := range links {
		linked[l.Name()] = true
	}
	made := 0
	err = d.table.Walk(func(row layers.Row) error {
		if _, err := os.Lstat(d.diff(row)); err != nil {
			faults = append(faults, fmt.Sprintf("layer %s is missing: %v", row.Name, err))
			return nil
		}
		if row.Link == "" || linked[row.Link] {
			return nil
		}
		made++
		err := d.disk.Symlink(filepath.Join("..", row.ID, "diff"), filepath.Join(d.root, "l", row.Link))
		if errors.Is(err, os.ErrExist) {
			err = nil
		}
		return err
	})
	if made > 0 {
		faults = append(faults, fmt.Sprintf("%d short names were missing in %s and were made again", made,
			filepath.Join(d.root, "l")))
	}
	return faults, err
}
