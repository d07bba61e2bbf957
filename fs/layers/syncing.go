package layers

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"box/fs/disk"
)

// Syncer makes writes to layers durable. The kernel reports a failed write once to each descriptor of the file system
// that was open at that time (Linux 5.8, 735e4ae5ba28), so each layer gets a descriptor before its first write.
type Syncer struct {
	Disk *disk.Disk // nil for the kernel

	mu   sync.Mutex
	open map[string]*os.File
}

// Start opens the descriptor for the layer name, whose files are below dir.
func (s *Syncer) Start(name, dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("layer %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[string]*os.File{}
	}
	s.open[name] = f
	return nil
}

// Sync writes the file systems of the named layers out. The first call does the work; those after it ask the kernel
// whether a write of their layer's time has failed, which costs little on a clean file system.
func (s *Syncer) Sync(names ...string) error {
	var errs []error
	for _, name := range names {
		s.mu.Lock()
		f := s.open[name]
		s.mu.Unlock()
		if f == nil {
			continue
		}
		if err := s.Disk.SyncAll(f); err != nil {
			errs = append(errs, fmt.Errorf("sync layer %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// End closes the descriptors of layers that are committed or removed.
func (s *Syncer) End(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if f := s.open[name]; f != nil {
			f.Close()
			delete(s.open, name)
		}
	}
}

// Close closes all descriptors.
func (s *Syncer) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.open {
		f.Close()
	}
	s.open = nil
}
