package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/state"
	"box/fs/disk"
)

// saveEvery is how long a status may be in the exec root alone before it is in the state file too.
const saveEvery = time.Second

func (e *Engine) statusPath(id string) string {
	return filepath.Join(e.o.Run, "containers", id+".json")
}

// saveStatus writes st to the exec root, which a daemon that is killed leaves behind, and notes it for the state file,
// which outlives a restart of the machine.
func (e *Engine) saveStatus(id string, st lifecycle.Status) {
	raw, err := json.Marshal(st)
	if err == nil {
		err = writeStatus(e.o.Disk, e.statusPath(id), raw)
	}
	if err != nil {
		e.log.Warn("write status to the exec root", "container", id, "error", err)
	}
	e.unsavedM.Lock()
	e.unsaved[id] = struct{}{}
	e.unsavedM.Unlock()
	select {
	case e.dirty <- struct{}{}:
	default:
	}
}

// onePage is what a write to a file puts into the page cache before it looks whether the process is killed.
const onePage = 4096

// writeStatus replaces the status in the file path by raw, so that a daemon that is killed leaves the old or the new. Few need more than a
// page and so a second file: a rename over the first is twice as dear, and ext4 writes the file to the disk at once for its sake.
func writeStatus(d *disk.Disk, path string, raw []byte) error {
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

// orNoSpace is the reason of a write that was short: err, or a full disk.
func orNoSpace(err error) error {
	if err == nil {
		return unix.ENOSPC
	}
	return err
}

// dropStatus forgets what saveStatus wrote outside the state file.
func (e *Engine) dropStatus(id string) {
	e.unsavedM.Lock()
	delete(e.unsaved, id)
	e.unsavedM.Unlock()
	if err := e.o.Disk.Remove(e.statusPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		e.log.Warn("remove status from the exec root", "container", id, "error", err)
	}
}

// readStatus is the newer of what the exec root and the state file know.
func (e *Engine) readStatus(id string, saved lifecycle.Status) lifecycle.Status {
	raw, err := os.ReadFile(e.statusPath(id))
	if err != nil {
		return saved
	}
	var st lifecycle.Status
	if json.Unmarshal(raw, &st) != nil || st.Seq < saved.Seq {
		return saved
	}
	return st
}

// writeStatuses puts changed statuses into the state file, many at a time, until the engine is closed.
func (e *Engine) writeStatuses() {
	for {
		select {
		case <-e.stopped.Done():
			return
		case <-e.dirty:
		}
		select {
		case <-e.stopped.Done():
			return
		case <-time.After(saveEvery):
		}
		if err := e.saveStates(); err != nil {
			e.log.Error("save statuses", "error", err)
		}
	}
}

// saveWish puts on the disk at once whether c is to run after a restart of the machine: of a container with a restart policy its
// user was told just now that it is up, or stopped, for good.
func (e *Engine) saveWish(c *lifecycle.Container) {
	if p := c.Record().Host.RestartPolicy; p.IsNone() {
		return
	}
	if err := e.saveStates(); err != nil {
		e.log.Error("save statuses", "error", err)
	}
}

// saveStates writes every status that is noted.
func (e *Engine) saveStates() error {
	e.unsavedM.Lock()
	ids := e.unsaved
	e.unsaved = map[string]struct{}{}
	e.unsavedM.Unlock()
	now := map[string]lifecycle.Status{}
	e.mu.RLock()
	for id := range ids {
		if c := e.containers[id]; c != nil {
			now[id], _ = c.Now()
		}
	}
	e.mu.RUnlock()
	if len(now) == 0 {
		return nil
	}
	err := e.db.Update(func(tx *state.Tx) error {
		for id, st := range now {
			if _, err := lifecycle.Records.Get(tx, id); errdefs.IsNotFound(err) {
				continue // removed meanwhile
			}
			if err := lifecycle.Statuses.Put(tx, id, st); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		e.unsavedM.Lock()
		for id := range now {
			e.unsaved[id] = struct{}{}
		}
		e.unsavedM.Unlock()
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}
