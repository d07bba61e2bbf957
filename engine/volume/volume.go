package volume

import (
	"cmp"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"box/engine/refuse"
	"box/engine/state"
	"box/fs"
	"box/fs/disk"
	"box/fs/tree"
)

// Driver is the name of the only driver.
const Driver = "local"

// AnonymousLabel marks volumes with generated names. `docker volume prune` removes only these unless asked for all.
const AnonymousLabel = "com.docker.volume.anonymous"

// Volume is what is stored about a volume.
type Volume struct {
	Name    string
	Created time.Time
	Labels  map[string]string // nil or empty as it was asked for, which the API shows
	Options map[string]string
}

var table = state.Table[Volume]{Name: "volumes"}

// mounted tells whether something is mounted on the volume's folder while it is used.
func (v *Volume) mounted() bool { return v.Options["device"] != "" }

// entry is a volume in memory. The store's lock protects it, except op.
type entry struct {
	Volume
	holders  map[string]struct{} // containers made with it
	users    map[string]struct{} // who it is mounted for now
	saved    bool                // its row is in the state file
	removing chan struct{}       // closed when a removal is over; nil when there is none
	op       sync.Mutex          // one mount, unmount or fill at a time; taken before the store's lock
}

// Store is all volumes below one folder. Its methods may be called by several goroutines.
type Store struct {
	root string // without symbolic links
	ids  fs.IDMaps
	db   *state.DB
	disk *disk.Disk
	now  func() time.Time

	mu      sync.Mutex
	volumes map[string]*entry

	counts tree.Counts
}

// Path returns the folder of a volume's files.
func (s *Store) Path(name string) string { return filepath.Join(s.root, name, "_data") }

// Count returns the number of volumes.
func (s *Store) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.volumes)
}

// Get returns a volume.
func (s *Store) Get(name string) (Volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[name]
	if v == nil || v.removing != nil {
		return Volume{}, refuse.NotFound("get %s: no such volume", name)
	}
	return v.Volume, nil
}

// Listed is a volume in a list, with the number of containers that hold it.
type Listed struct {
	Volume
	Holders int
}

// List returns all volumes by name.
func (s *Store) List() []Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Listed, 0, len(s.volumes))
	for _, v := range s.volumes {
		if v.removing == nil {
			list = append(list, Listed{v.Volume, len(v.holders)})
		}
	}
	slices.SortFunc(list, func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
