package volume

import (
	"path/filepath"

	"box/engine/refuse"
)

// hold adds a container that was created with the volume. The store's lock is held.
func (v *entry) hold(container string) {
	if container != "" {
		v.holders[container] = struct{}{}
	}
}

// Hold adds a container to those that hold an existing volume.
func (s *Store) Hold(name, container string) (Volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[name]
	if v == nil || v.removing != nil {
		return Volume{}, refuse.NotFound("get %s: no such volume", name)
	}
	v.hold(container)
	return v.Volume, nil
}

// Release releases all volumes that a container holds.
func (s *Store) Release(container string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.volumes {
		delete(v.holders, container)
	}
}

// Abandon undoes a Make whose volume could not be saved, unless others hold it.
func (s *Store) Abandon(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.volumes[name]; v != nil && !v.saved && len(v.holders) == 0 {
		delete(s.volumes, name)
		s.counts.Forget(name)
		_ = s.disk.RemoveAll(filepath.Join(s.root, name)) // what stays is an orphan that Open sweeps
	}
}

// Discard undoes Make for a container that could not be created: volumes that were not saved and that nobody else holds
// are removed. It returns their names.
func (s *Store) Discard(container string) (gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, v := range s.volumes {
		_, held := v.holders[container]
		delete(v.holders, container)
		if held && !v.saved && len(v.holders) == 0 {
			delete(s.volumes, name)
			s.counts.Forget(name)
			_ = s.disk.RemoveAll(filepath.Join(s.root, name)) // what stays is an orphan that Open sweeps
			gone = append(gone, name)
		}
	}
	return gone
}
