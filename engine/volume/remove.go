package volume

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"box/engine/refuse"
	"box/engine/state"
	"box/fs/mount"
)

// removedPrefix is the prefix of a folder whose row is about to be deleted. Names of volumes do not start with a dot.
const removedPrefix = ".removed-"

// Removal is the removal of a volume. Its owner calls Forget in a transaction, and then End.
type Removal struct {
	s *Store
	v *entry
}

// Remove deletes a volume that no container holds. When it returns, the removal survives a crash.
func (s *Store) Remove(name string) error {
	r, err := s.Removal(name, "")
	if err != nil {
		return err
	}
	return r.End(s.db.Batch(r.Forget))
}

// Removal starts to remove a volume that no container but holder holds. The folder is renamed; a crash before the row
// is deleted leaves the volume as it was.
func (s *Store) Removal(name, holder string) (*Removal, error) {
	v, err := s.startRemoval(name, holder)
	if err != nil {
		return nil, err
	}
	r := &Removal{s, v}
	if err := s.clearMounts(v); err != nil {
		return nil, r.End(err)
	}
	if err := s.disk.RemoveAll(r.aside()); err != nil {
		return nil, r.End(err)
	}
	if err := s.disk.Rename(filepath.Join(s.root, name), r.aside()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, r.End(err)
	}
	// Else power that goes away after the row may bring the folder back, which is somebody's data then.
	if err := s.disk.SyncFolder(s.root); err != nil {
		return nil, r.End(err)
	}
	return r, nil
}

func (s *Store) startRemoval(name, holder string) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[name]
	if v == nil || v.removing != nil {
		return nil, refuse.NotFound("get %s: no such volume", name)
	}
	holders := slices.Sorted(maps.Keys(v.holders))
	holders = slices.DeleteFunc(holders, func(h string) bool { return h == holder })
	switch {
	case len(holders) > 0:
		return nil, refuse.Conflict("remove %s: volume is in use - [%s]", name, strings.Join(holders, ", "))
	case len(v.users) > 0 || !v.saved:
		return nil, refuse.Conflict("remove %s: volume is in use", name)
	}
	v.removing = make(chan struct{})
	return v, nil
}

func (r *Removal) aside() string { return filepath.Join(r.s.root, removedPrefix+r.v.Name) }

// Name returns the name of the volume.
func (r *Removal) Name() string { return r.v.Name }

// Forget deletes the volume's row in the caller's transaction.
func (r *Removal) Forget(tx *state.Tx) error { return table.Delete(tx, r.v.Name) }

// End deletes the files if the transaction was committed (err is nil). Otherwise it restores the volume and returns
// err.
func (r *Removal) End(err error) error {
	if err == nil {
		_ = r.s.disk.RemoveAll(r.aside()) // Open does it else
	} else {
		if !refuse.Is(err) {
			err = fmt.Errorf("remove %s: %w", r.v.Name, err)
		}
		if back := r.s.disk.Rename(r.aside(), filepath.Join(r.s.root, r.v.Name)); !errors.Is(back, os.ErrNotExist) {
			err = errors.Join(err, back)
		}
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	close(r.v.removing)
	r.v.removing = nil
	if err == nil {
		delete(r.s.volumes, r.v.Name)
		r.s.counts.Forget(r.v.Name)
	}
	return err
}

// clearMounts makes sure that nothing is mounted in the folder, so that only the volume's own files are deleted.
func (s *Store) clearMounts(v *entry) error {
	table, err := mount.Table()
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(table) {
		if m.Mountpoint == s.Path(v.Name) && v.mounted() {
			if err := mount.Unmount(m.Mountpoint); err != nil {
				return err
			}
			continue
		}
		if strings.HasPrefix(m.Mountpoint, filepath.Join(s.root, v.Name)+"/") {
			return refuse.Conflict("remove %s: volume is in use: something is mounted at %s", v.Name, m.Mountpoint)
		}
	}
	return nil
}
