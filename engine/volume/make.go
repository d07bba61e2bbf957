package volume

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/docker/go-units"

	"box/engine/refuse"
	"box/engine/state"
)

// Request says which volume is wanted.
type Request struct {
	Name    string
	Driver  string // "" or local
	Labels  map[string]string
	Options map[string]string
	Holder  string // ID of the container that it is for, "" for none
}

// Names of files beside _data.
const (
	newMarker  = ".new"         // the row is not in the state file yet
	rowFile    = ".volume.json" // the row, from which it is made again when the state file is lost
	fillMarker = ".filling"     // _data was empty and is being filled from an image
)

// folderMode lets a container's user access what is below, but lets nobody list the names.
const folderMode = 0o701

// Make finds or creates the volume, and holds it for the container. A new one is permanent only when the transaction of
// Save is committed; a crash before that removes it.
func (s *Store) Make(q Request) (v Volume, made bool, err error) {
	if err := check(&q); err != nil {
		return v, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		have := s.volumes[q.Name]
		if have == nil {
			break
		}
		if have.removing == nil {
			have.hold(q.Holder)
			return have.Volume, false, nil
		}
		over := have.removing
		s.mu.Unlock()
		<-over
		s.mu.Lock()
	}
	e := newEntry(Volume{Name: q.Name, Created: s.now().UTC(), Labels: q.Labels, Options: q.Options})
	if err := s.makeFolder(&e.Volume); err != nil {
		return v, false, fmt.Errorf("create %s: %w", q.Name, err)
	}
	e.hold(q.Holder)
	s.volumes[q.Name] = e
	return e.Volume, true, nil
}

func newEntry(v Volume) *entry {
	return &entry{Volume: v, holders: map[string]struct{}{}, users: map[string]struct{}{}}
}

// makingPrefix is the prefix of an incomplete folder. Names of volumes do not start with a dot.
const makingPrefix = ".making-"

// makeFolder makes the folder of a new volume and syncs the names, since it must survive whatever its containers do. It
// gets its name when its mark is on disk. Otherwise a power failure could leave a folder that looks like somebody's
// data.
func (s *Store) makeFolder(v *Volume) error {
	row, err := json.Marshal(v)
	if err != nil {
		return err
	}
	aside, dir := filepath.Join(s.root, makingPrefix+v.Name), filepath.Join(s.root, v.Name)
	if _, err := os.Lstat(dir); err == nil {
		return &os.PathError{Op: "mkdir", Path: dir, Err: os.ErrExist}
	}
	if err := s.fillFolder(aside, row); err != nil {
		return errors.Join(err, s.disk.RemoveAll(aside))
	}
	if err := s.disk.Rename(aside, dir); err != nil {
		return errors.Join(err, s.disk.RemoveAll(aside))
	}
	if err := s.disk.SyncFolder(s.root); err != nil {
		return errors.Join(err, s.disk.RemoveAll(dir))
	}
	return nil
}

func (s *Store) fillFolder(dir string, row []byte) error {
	if err := errors.Join(s.disk.RemoveAll(dir), s.disk.Mkdir(dir, folderMode)); err != nil {
		return err
	}
	data := filepath.Join(dir, "_data")
	uid, gid := s.ids.Root()
	err := errors.Join(os.Chmod(dir, folderMode), s.touch(filepath.Join(dir, newMarker)),
		s.disk.WriteFile(filepath.Join(dir, rowFile), row, 0o600),
		s.disk.Mkdir(data, 0o755), os.Chmod(data, 0o755))
	if uid != 0 || gid != 0 {
		err = errors.Join(err, os.Chown(data, uid, gid))
	}
	return errors.Join(err, s.disk.SyncFolder(dir))
}

func (s *Store) touch(path string) error {
	f, err := s.disk.Create(path, 0, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Save writes the rows of those volumes that have none yet.
func (s *Store) Save(tx *state.Tx, names ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		v := s.volumes[name]
		if v == nil {
			return refuse.NotFound("get %s: no such volume", name)
		}
		if v.saved {
			continue
		}
		if err := table.Put(tx, name, v.Volume); err != nil {
			return err
		}
	}
	return nil
}

// Saved notes that the transaction of Save was committed.
func (s *Store) Saved(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if v := s.volumes[name]; v != nil && !v.saved {
			v.saved = true
			_ = s.disk.Remove(filepath.Join(s.root, name, newMarker)) // Open does it else
		}
	}
}

// nameRule is Docker's rule.
var nameRule = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// maxName is the maximum length of a name in bytes.
const maxName = 255 - len(removedPrefix)

// check refuses names, drivers and options that Docker refuses.
func check(q *Request) error {
	fail := func(format string, args ...any) error {
		return refuse.Invalid("create %s: %s", q.Name, fmt.Sprintf(format, args...))
	}
	switch {
	case q.Driver != "" && q.Driver != Driver:
		return refuse.NotFound("create %s: error looking up volume plugin %s: plugin %q not found", q.Name, q.Driver,
			q.Driver)
	case len(q.Name) == 1:
		return fail("volume name is too short, names should be at least two alphanumeric characters")
	case !nameRule.MatchString(q.Name):
		return fail(`%q includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`, q.Name)
	case len(q.Name) > maxName:
		return fail("volume name is too long, names should be at most %d characters", maxName)
	}
	return checkOptions(q.Options, fail)
}

func checkOptions(options map[string]string, fail func(string, ...any) error) error {
	for name := range options {
		if !slices.Contains([]string{"type", "o", "device", "size"}, name) {
			return fail("invalid option: %q", name)
		}
	}
	if size, ok := options["size"]; ok {
		if _, err := units.RAMInBytes(size); err != nil {
			return fail("%v", err)
		}
		return fail("quota size requested but no quota support")
	}
	if len(options) == 0 {
		return nil
	}
	for _, needed := range []string{"device", "type"} {
		if _, ok := options[needed]; !ok {
			return fail("missing required option: %q", needed)
		}
	}
	return nil
}
