package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"box/engine/state"
	"box/fs"
	"box/fs/disk"
)

// Open reads the volumes below root, which it creates, and sweeps what crashes left. Problems are reported to warn and
// do not affect other volumes. New volumes belong to the root of ids.
func Open(root string, db *state.DB, d *disk.Disk, ids fs.IDMaps, now func() time.Time, warn func(error)) (*Store,
	error) {
	if err := d.MkdirAll(root, folderMode); err != nil {
		return nil, fmt.Errorf("folder of volumes: %w", err)
	}
	real, err := filepath.EvalSymlinks(root) // as the kernel writes it in the table of mounts
	if err != nil {
		return nil, fmt.Errorf("folder of volumes: %w", err)
	}
	s := &Store{root: real, db: db, disk: d, ids: ids, now: now, volumes: map[string]*entry{}}
	err = db.View(func(tx *state.Tx) error {
		return table.Walk(tx, func(name string, v Volume, bad error) error {
			if bad == nil && v.Name != name {
				bad = fmt.Errorf("row of volume %s is of %q", name, v.Name)
			}
			if bad != nil {
				warn(bad)
				v = Volume{Name: name, Created: now().UTC()}
			}
			e := newEntry(v)
			e.saved = true
			s.volumes[name] = e
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return s, s.sweep(warn)
}

// sweep makes folders and rows match.
func (s *Store) sweep(warn func(error)) error {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return fmt.Errorf("folder of volumes: %w", err)
	}
	note := func(err error) {
		if err != nil {
			warn(err)
		}
	}
	for _, d := range entries {
		if name, removed := strings.CutPrefix(d.Name(), removedPrefix); removed {
			note(s.sweepRemoved(name))
		}
		if strings.HasPrefix(d.Name(), makingPrefix) {
			note(s.disk.RemoveAll(filepath.Join(s.root, d.Name())))
		}
	}
	for _, d := range entries {
		if d.IsDir() && !strings.HasPrefix(d.Name(), ".") {
			note(s.sweepFolder(d.Name()))
		}
	}
	for name := range s.volumes {
		note(s.disk.MkdirAll(s.Path(name), 0o755)) // the power went before an empty folder was on the disk
	}
	return nil
}

// sweepRemoved completes a removal if the row is deleted, or undoes it.
func (s *Store) sweepRemoved(name string) error {
	aside, dir := filepath.Join(s.root, removedPrefix+name), filepath.Join(s.root, name)
	if s.volumes[name] == nil {
		return s.disk.RemoveAll(aside)
	}
	if _, err := os.Lstat(dir); err == nil {
		return s.disk.RemoveAll(aside)
	}
	return s.disk.Rename(aside, dir)
}

// sweepFolder handles a folder with the name of a volume.
func (s *Store) sweepFolder(name string) error {
	dir := filepath.Join(s.root, name)
	_, err := os.Lstat(filepath.Join(dir, newMarker))
	fresh := err == nil
	if s.volumes[name] == nil {
		if fresh {
			return s.disk.RemoveAll(dir)
		}
		return s.adopt(name)
	}
	if fresh {
		return s.disk.Remove(filepath.Join(dir, newMarker))
	}
	if _, err := os.Lstat(filepath.Join(dir, fillMarker)); err == nil {
		return errors.Join(s.empty(s.Path(name)), s.disk.Remove(filepath.Join(dir, fillMarker)))
	}
	return nil
}

// adopt makes a volume of a folder that was restored from a backup, or whose row was lost.
func (s *Store) adopt(name string) error {
	st, err := os.Stat(s.Path(name))
	if err != nil || !st.IsDir() || !nameRule.MatchString(name) {
		return nil // not ours to judge
	}
	v := Volume{Name: name, Created: st.ModTime().UTC()}
	if raw, err := os.ReadFile(filepath.Join(s.root, name, rowFile)); err == nil {
		var had Volume
		if json.Unmarshal(raw, &had) == nil && had.Name == name {
			v = had
		}
	}
	e := newEntry(v)
	err = s.db.Update(func(tx *state.Tx) error { return table.Put(tx, name, e.Volume) })
	if err != nil {
		return fmt.Errorf("volume %s: %w", name, err)
	}
	e.saved = true
	s.volumes[name] = e
	return nil
}
