package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"box/engine/image"
	"box/engine/state"
	"box/fs"
)

// Report is what Recover did.
type Report struct {
	Copy       string // state that was begun with, "" for none
	Aside      string // where the file is that was in the way, "" for none
	Layers     int
	Images     int
	Containers int
	Lost       string // folder of what nothing is known of, "" for none
	LostCount  int
}

// Lines returns the report as text.
func (r *Report) Lines() []string {
	from := "what is on the disk"
	if r.Copy != "" {
		from = "the copy " + r.Copy + " and what is on the disk"
	}
	lines := []string{fmt.Sprintf("the state was made again from %s: %d images, %d layers, %d containers", from, r.Images,
		r.Layers, r.Containers)}
	if r.Aside != "" {
		lines = append(lines, "the file that could not be used is kept as "+r.Aside)
	}
	if r.Lost != "" {
		lines = append(lines, fmt.Sprintf("%d folders and files of which nothing is known were moved to %s; delete it when "+
			"nothing in it is missed", r.LostCount, r.Lost))
	}
	return lines
}

// tables of the engine, as raw JSON.
var (
	containers = state.Table[json.RawMessage]{Name: "containers"}
	statuses   = state.Table[json.RawMessage]{Name: "statuses"}
	volumes    = state.Table[json.RawMessage]{Name: "volumes"}
)

// Recover rebuilds the state of a data root: from the copy if that is good, and from what is on disk, which is newer.
// Images come from content and layers, containers from their records; volumes are found by the next Open. The existing
// state file is kept under another name. After a crash, the old state is still there. No daemon may have it open.
func Recover(ctx context.Context, o Options) (*Report, error) {
	work := o.path(workFile)
	if err := o.Disk.Remove(work); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := o.unused(); err != nil {
		return nil, err
	}
	r := &Report{}
	if _, err := state.Look(o.path(copyFile)); err == nil {
		r.Copy = o.path(copyFile)
		if err := copyTo(o.Disk, r.Copy, work); err != nil {
			return nil, fmt.Errorf("begin with %s: %w", r.Copy, err)
		}
	}
	db, err := state.Open(work)
	if err != nil {
		return nil, err
	}
	left, err := o.fill(ctx, db, r)
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("make the state again: %w", err)
	}
	if err := o.moveLost(r, left); err != nil {
		return nil, err
	}
	return r, o.install(r)
}

// unused returns an error if a daemon has the state open.
func (o *Options) unused() error {
	if info, err := os.Stat(o.path(stateFile)); err != nil || info.Size() == 0 {
		return nil
	}
	db, err := state.OpenOld(o.path(stateFile))
	if err == nil {
		return db.Close()
	}
	if errdefs.IsConflict(err) || errdefs.IsFailedPrecondition(err) {
		return err
	}
	return nil
}

// fill updates db from what is on disk, and returns what is left over.
func (o *Options) fill(ctx context.Context, db *state.DB, r *Report) (left []string, err error) {
	c, err := o.findContainers(db)
	if err != nil {
		return nil, err
	}
	r.Containers, left = len(c.kept), c.left
	byDriver := map[string]fs.Recovered{}
	if o.Layers != nil {
		wanted := func(layer string) bool {
			id, _, _ := strings.Cut(layer, "-")
			return c.kept[id]
		}
		if byDriver, err = o.Layers(ctx, db, wanted); err != nil {
			return nil, err
		}
	}
	for _, f := range byDriver {
		r.Layers += len(f.Layers)
		left = append(left, f.Left...)
	}
	var content []string
	err = db.Update(func(tx *state.Tx) error {
		if err := errors.Join(c.put(tx), o.volumes(tx)); err != nil {
			return err
		}
		r.Images, content, err = image.Recover(tx, o.Root, byDriver)
		return err
	})
	return append(left, content...), err
}

// found is the containers on disk.
type found struct {
	records map[string]json.RawMessage // beside them
	kept    map[string]bool            // that the state will have, by ID
	gone    []string                   // that the copy has and whose folder is not there any more
	left    []string                   // folders of which nothing is known
}

// findContainers compares the containers in db with the folders.
func (o *Options) findContainers(db *state.DB) (*found, error) {
	entries, err := os.ReadDir(o.path("containers"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f := &found{records: map[string]json.RawMessage{}, kept: map[string]bool{}}
	had := map[string]bool{}
	err = db.View(func(tx *state.Tx) error {
		return containers.Walk(tx, func(id string, _ json.RawMessage, _ error) error { had[id] = true; return nil })
	})
	for _, e := range entries {
		id := e.Name()
		raw, ok := readRecord(filepath.Join(o.path("containers"), id), id)
		if ok {
			f.records[id] = raw
		}
		if ok || had[id] {
			f.kept[id] = true
		} else {
			f.left = append(f.left, filepath.Join(o.path("containers"), id))
		}
	}
	for id := range had {
		if !f.kept[id] {
			f.gone = append(f.gone, id)
		}
	}
	return f, err
}

// put updates the containers in tx.
func (f *found) put(tx *state.Tx) (err error) {
	for id, raw := range f.records {
		err = errors.Join(err, containers.Put(tx, id, raw))
	}
	for _, id := range f.gone {
		err = errors.Join(err, containers.Delete(tx, id), statuses.Delete(tx, id))
	}
	return err
}

// volumes removes the volumes of the copy that do not exist any more. Existing ones are found by Open.
func (o *Options) volumes(tx *state.Tx) error {
	var gone []string
	err := volumes.Walk(tx, func(name string, _ json.RawMessage, _ error) error {
		if _, err := os.Lstat(filepath.Join(o.path("volumes"), name)); errors.Is(err, os.ErrNotExist) {
			gone = append(gone, name)
		}
		return nil
	})
	for _, name := range gone {
		err = errors.Join(err, volumes.Delete(tx, name))
	}
	return err
}

// moveLost moves what is left over where no sweep removes it.
func (o *Options) moveLost(r *Report, left []string) error {
	if len(left) == 0 {
		return nil
	}
	lost := filepath.Join(o.Root, lostFolder, o.stamp())
	for _, path := range left {
		rel, err := filepath.Rel(o.Root, path)
		if err != nil {
			return err
		}
		to := filepath.Join(lost, rel)
		if err := o.Disk.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("put aside what is left over: %w", err)
		}
		if err := o.Disk.Rename(path, to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("put aside what is left over: %w", err)
		}
	}
	r.Lost, r.LostCount = lost, len(left)
	// The next start sweeps what is still where it was, once the new state is there.
	root, err := os.Open(o.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := o.Disk.SyncAll(root); err != nil {
		return fmt.Errorf("put aside what is left over: %w", err)
	}
	return nil
}

func (o *Options) stamp() string { return o.Now().UTC().Format("20060102T150405.000") }

// install renames the new state to its name.
func (o *Options) install(r *Report) error {
	if info, err := os.Lstat(o.path(stateFile)); err == nil && info.Size() > 0 {
		r.Aside = o.path(stateFile) + ".damaged-" + o.stamp()
		if err := o.Disk.Link(o.path(stateFile), r.Aside); err != nil { // so that the name is never missing
			if err := o.Disk.Rename(o.path(stateFile), r.Aside); err != nil {
				return fmt.Errorf("put %s aside: %w", o.path(stateFile), err)
			}
		}
		if err := o.Disk.SyncFolder(o.Root); err != nil {
			return fmt.Errorf("put %s aside: %w", o.path(stateFile), err)
		}
	}
	if err := o.Disk.Rename(o.path(workFile), o.path(stateFile)); err != nil {
		return fmt.Errorf("put the new state in its place: %w", err)
	}
	return o.Disk.SyncFolder(o.Root)
}
