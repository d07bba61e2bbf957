package lifecycle

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/state"
	"box/fs/disk"
)

// saveEvery is how long a status may be in the exec root only, before it is in the state file, too.
const saveEvery = time.Second

// Saver saves statuses: at once in files below the exec root, which survive a killed daemon, and soon after in the
// state file, which survives a reboot.
type Saver struct {
	dir  string // of the files
	disk *disk.Disk
	db   *state.DB
	log  *slog.Logger

	dirty chan struct{} // wakes Run

	mu      sync.Mutex
	unsaved map[string]Status // by ID: not yet in the state file
}

// NewSaver makes a Saver with its files in dir, which exists.
func NewSaver(dir string, d *disk.Disk, db *state.DB, log *slog.Logger) *Saver {
	return &Saver{dir: dir, disk: d, db: db, log: log, dirty: make(chan struct{}, 1), unsaved: map[string]Status{}}
}

func (s *Saver) path(id string) string { return filepath.Join(s.dir, id+".json") }

// Save writes a status to its file, and marks it for the state file. An error is only logged, since the container goes
// on.
func (s *Saver) Save(id string, st Status) {
	raw, err := json.Marshal(st)
	if err == nil {
		err = write(s.disk, s.path(id), raw)
	}
	if err != nil {
		s.log.Warn("write status to the exec root", "container", id, "error", err)
	}
	s.mu.Lock()
	s.unsaved[id] = st
	s.mu.Unlock()
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// Drop removes what Save wrote outside of the state file.
func (s *Saver) Drop(id string) {
	s.mu.Lock()
	delete(s.unsaved, id)
	s.mu.Unlock()
	if err := s.disk.Remove(s.path(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.Warn("remove status from the exec root", "container", id, "error", err)
	}
}

// Has tells whether a container's file exists. It does not after a reboot.
func (s *Saver) Has(id string) bool {
	_, err := os.Stat(s.path(id))
	return err == nil
}

// Newest returns the newer status, of the file or of the state file, which is saved.
func (s *Saver) Newest(id string, saved Status) Status {
	raw, err := os.ReadFile(s.path(id))
	if err != nil {
		return saved
	}
	var st Status
	if json.Unmarshal(raw, &st) != nil || st.Seq < saved.Seq {
		return saved
	}
	return st
}

// Run writes changed statuses to the state file, many at a time, until stop is closed.
func (s *Saver) Run(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-s.dirty:
		}
		select {
		case <-stop:
			return
		case <-time.After(saveEvery):
		}
		if err := s.Flush(); err != nil {
			s.log.Error("save statuses", "error", err)
		}
	}
}

// Flush writes all marked statuses to the state file now, except those of removed containers. After an error all are
// still marked.
func (s *Saver) Flush() error {
	s.mu.Lock()
	noted := s.unsaved
	s.unsaved = map[string]Status{}
	s.mu.Unlock()
	if len(noted) == 0 {
		return nil
	}
	err := s.db.Update(func(tx *state.Tx) error {
		for id, st := range noted {
			if _, err := Records.Get(tx, id); errdefs.IsNotFound(err) {
				continue
			}
			if err := Statuses.Put(tx, id, st); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, st := range noted {
		if _, newer := s.unsaved[id]; !newer {
			s.unsaved[id] = st
		}
	}
	return fmt.Errorf("state file: %w", err)
}

// onePage is how much a write puts into the page cache before it checks whether the process is killed.
const onePage = 4096

// write replaces the status in a file, so that a killed daemon leaves the old or the new one. Statuses of more than a
// page need a second file. A rename costs twice as much, and makes ext4 write the file to disk at once.
func write(d *disk.Disk, path string, raw []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var have unix.Stat_t
	if err := unix.Fstat(fd, &have); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if max(have.Size, int64(len(raw))) > onePage {
		return d.Replace(path, raw, 0o600)
	}
	for int64(len(raw)) < have.Size {
		raw = append(raw, ' ') // in the place of what was longer
	}
	if n, err := d.WriteAll(fd, raw); err != nil || n < len(raw) {
		return &os.PathError{Op: "write", Path: path, Err: orNoSpace(err)}
	}
	return nil
}

// orNoSpace returns the reason of a short write: err, or a full disk.
func orNoSpace(err error) error {
	if err == nil {
		return unix.ENOSPC
	}
	return err
}
