package drivers

import (
	"os"
	"path/filepath"

	"box/fs"
	"box/fs/btrfs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/overlay"
	"box/fs/overlay2"
	"box/fs/vfs"
)

// Recover makes the tables of all drivers below root match their folders, and returns what was found for each driver
// that has layers. Of the layers of containers it keeps those for which wanted returns true. No driver may be open.
func Recover(root string, db fs.DB, d *disk.Disk, wanted func(layer string) bool) (map[string]fs.Recovered, error) {
	all := map[string]fs.Recovered{}
	for _, p := range []layers.Place{overlay2.PlaceOf(filepath.Join(root, overlay2.Name), d),
		overlay.PlaceOf(filepath.Join(root, overlay.Name), d),
		btrfs.PlaceOf(filepath.Join(root, btrfs.Name), d),
		vfs.PlaceOf(filepath.Join(root, vfs.Name), d)} {
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
	for _, dir := range []string{filepath.Join(root, overlay2.Name), filepath.Join(root, overlay.Name),
		filepath.Join(root, btrfs.Name, "subvolumes"), filepath.Join(root, vfs.Name, "dir")} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if e.Name() != "l" {
				n++
			}
		}
	}
	return n
}
