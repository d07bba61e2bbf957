package drivers

import (
	"os"
	"path/filepath"
	"strings"

	"box/fs"
	"box/fs/disk"
)

// Recover makes the tables of all drivers below root match their folders, and returns what was found for each driver
// that has layers. Of the layers of containers it keeps those for which wanted returns true. No driver may be open.
func Recover(root string, db fs.DB, d *disk.Disk, wanted func(layer string) bool) (map[string]fs.Recovered, error) {
	all := map[string]fs.Recovered{}
	for _, row := range table() {
		p := row.place(filepath.Join(root, row.name), d)
		found, err := p.Recover(db, wanted)
		if err != nil {
			return nil, err
		}
		if len(found.Layers)+len(found.Left) > 0 {
			all[p.Driver] = found
		}
	}
	return all, nil
}

// Beside returns how many folders of layers are below root, whatever the tables contain.
func Beside(root string) (n int) {
	for _, row := range table() {
		p := row.place(filepath.Join(root, row.name), nil)
		entries, _ := os.ReadDir(p.Dir)
		for _, e := range entries {
			if !p.Other(e.Name()) && !strings.HasSuffix(e.Name(), ".removing") {
				n++
			}
		}
	}
	return n
}
