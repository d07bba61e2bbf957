package layers

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs"
	"box/fs/disk"
)

// Place is where a driver keeps what is needed to rebuild its table if that is lost.
type Place struct {
	Driver string
	Dir    string                 // folder that has one folder a layer, by ID
	Row    func(id string) string // file with the row of a layer as JSON
	Other  func(name string) bool // what is in Dir and no layer
	Disk   *disk.Disk
}

// WriteBeside writes rows to files beside their layers. Only Recover reads them, so they are not synced.
func (p *Place) WriteBeside(rows ...Row) error {
	for _, row := range rows {
		raw, err := json.Marshal(row)
		if err == nil {
			err = p.Disk.WriteFile(p.Row(row.ID), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("row of layer %s: %w", row.Name, err)
		}
	}
	return nil
}

// Complete writes the files that are missing, because an older version of box made the layer.
func (p *Place) Complete(t *Table) error {
	return t.Walk(func(row Row) error {
		if _, err := os.Lstat(p.Row(row.ID)); row.State == fs.Staged || !errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err := p.WriteBeside(row); err != nil && !errors.Is(err, os.ErrNotExist) { // the layer may be missing
			return err
		}
		// One that was removed meanwhile has nothing beside it.
		if now, err := t.Get(row.Name); errdefs.IsNotFound(err) || err == nil && now.State == fs.Staged {
			return p.Disk.RemoveAll(p.Row(row.ID))
		}
		return nil
	})
}

// read reads the row of a folder. It was not synced, so it may be incomplete or that of another folder.
func (p *Place) read(id string) (row Row, ok bool) {
	raw, err := os.ReadFile(p.Row(id))
	if err != nil || json.Unmarshal(raw, &row) != nil {
		return row, false
	}
	return row, row.ID == id && row.Name != "" && row.State != fs.Staged
}

// Recover makes the table fit the folders: rows whose folder is gone go, with all that stands on them, and a folder
// that has its row beside gets it, unless it is a container's that wanted does not know. The folders that are left
// over are returned.
func (p *Place) Recover(db fs.DB, wanted func(layer string) bool) (found fs.Recovered, err error) {
	entries, err := os.ReadDir(p.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return found, fmt.Errorf("list layers: %w", err)
	}
	t, err := Open(db, p.Driver)
	if err != nil {
		return found, err
	}
	rows, there := map[string]Row{}, map[string]bool{}
	for _, e := range entries {
		if p.Other(e.Name()) || strings.HasSuffix(e.Name(), doomed) {
			continue
		}
		there[e.Name()] = true
		if row, ok := p.read(e.Name()); ok {
			rows[row.Name] = row
		}
	}
	err = t.Walk(func(row Row) error {
		if _, beside := rows[row.Name]; !beside && there[row.ID] {
			rows[row.Name] = row
		}
		return nil
	})
	if err != nil {
		return found, err
	}
	kept := standing(rows, func(r Row) bool { return r.State == fs.Committed || wanted(r.Name) })
	if err := t.replace(kept); err != nil {
		return found, err
	}
	found.Layers = map[string]fs.Info{}
	for _, row := range kept {
		delete(there, row.ID)
		found.Layers[row.Name] = row.Info
	}
	for id := range there {
		found.Left = append(found.Left, filepath.Join(p.Dir, id))
	}
	slices.Sort(found.Left)
	return found, nil
}

// standing returns the rows that are good and whose parents are good, parents first.
func standing(rows map[string]Row, good func(Row) bool) (list []Row) {
	done := map[string]bool{"": true}
	for grew := true; grew; {
		grew = false
		for name, row := range rows {
			if !done[name] && done[row.Parent] && good(row) {
				done[name], grew = true, true
				list = append(list, row)
			}
		}
	}
	return list
}

// replace replaces all rows of the table.
func (t *Table) replace(rows []Row) error {
	return t.db.Update(func(tx fs.Tx) error {
		for _, name := range [][]byte{t.rows, t.children} {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		for _, row := range rows {
			if err := t.put(tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// Missing returns the rows whose folders are missing below dir, sorted by name.
func (t *Table) Missing(dir string) (gone []Row, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Name()] = true
	}
	err = t.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(t.rows).ForEach(func(k, _ []byte) error {
			if row, err := t.get(tx, string(k)); err == nil && !there[row.ID] {
				gone = append(gone, row)
			}
			return nil
		})
	})
	return gone, err
}
