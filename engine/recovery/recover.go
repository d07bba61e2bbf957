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

// Lines are the report for people.
func (r *Report) Lines() []string {
	from := "what is on the disk"
	if r.Copy != "" {
		from = "the copy " + r.Copy + " and what is on the disk"
	}
	lines := []string{fmt.Sprintf("the state was made again from %s: %d images, %d layers, %d containers", from, r.Images, r.Layers, r.Containers)}
	if r.Aside != "" {
		lines = append(lines, "the file that could not be used is kept as "+r.Aside)
	}
	if r.Lost != "" {
		lines = append(lines, fmt.Sprintf("%d folders and files of which nothing is known were moved to %s; delete it when nothing in it is missed", r.LostCount, r.Lost))
	}
	return lines
}

// tables that are rows of JSON here, whatever the engine has in them.
var (
	containers = state.Table[json.RawMessage]{Name: "containers"}
	statuses   = state.Table[json.RawMessage]{Name: "statuses"}
	volumes    = state.Table[json.RawMessage]{Name: "volumes"}
)

// Recover makes the state of a data root again: from the copy where that is good, and from what is on the disk, which is newer. Images come
// from content and layers, containers from the records beside them; volumes are taken up by the next Open. The file that is there is
// put aside, and gets its name back from nobody. A crash on the way leaves what was there. No daemon may have it open.
func Recover(ctx context.Context, o Options) (*Report, error) {
	work := o.path(workFile)
	if err := os.Remove(work); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := o.unused(); err != nil {
		return nil, err
	}
	r := &Report{}
	if _, err := state.Look(o.path(copyFile)); err == nil {
		r.Copy = o.path(copyFile)
		if err := copyTo(r.Copy, work); err != nil {
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

// unused refuses while a daemon has the state open.
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

// fill brings db to what is on the disk and lists what is left over.
func (o *Options) fill(ctx context.Context, db *state.DB, r *Report) (left []string, err error) {
	known, left, err := o.containers(db)
	if err != nil {
		return nil, err
	}
	r.Containers = len(known)
	found := map[string]fs.Recovered{}
	if o.Layers != nil {
		wanted := func(layer string) bool {
			id, _, _ := strings.Cut(layer, "-")
			return known[id]
		}
		if found, err = o.Layers(ctx, db, wanted); err != nil {
			return nil, err
		}
	}
	for _, f := range found {
		r.Layers += len(f.Layers)
		left = append(left, f.Left...)
	}
	var content []string
	err = db.Update(func(tx *state.Tx) error {
		if err := o.volumes(tx); err != nil {
			return err
		}
		r.Images, content, err = image.Recover(tx, o.Root, found)
		return err
	})
	return append(left, content...), err
}

// containers takes up the records beside containers, and drops those of the copy whose folder is gone.
func (o *Options) containers(db *state.DB) (known map[string]bool, left []string, err error) {
	known = map[string]bool{}
	entries, err := os.ReadDir(o.path("containers"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	err = db.Update(func(tx *state.Tx) error {
		clear(known)
		left = nil
		had := map[string]bool{}
		err := containers.Walk(tx, func(id string, _ json.RawMessage, _ error) error { had[id] = true; return nil })
		for _, e := range entries {
			id := e.Name()
			raw, ok := readRecord(filepath.Join(o.path("containers"), id), id)
			if ok {
				err = errors.Join(err, containers.Put(tx, id, raw))
			}
			if known[id] = ok || had[id]; !known[id] {
				delete(known, id)
				left = append(left, filepath.Join(o.path("containers"), id))
			}
		}
		for id := range had {
			if !known[id] {
				err = errors.Join(err, containers.Delete(tx, id), statuses.Delete(tx, id))
			}
		}
		return err
	})
	return known, left, err
}

// volumes drops the volumes of the copy that were removed since. Those that are there are taken up by Open.
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

// moveLost moves what is left over out of the way of every sweep.
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
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return fmt.Errorf("put aside what is left over: %w", err)
		}
		if err := os.Rename(path, to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("put aside what is left over: %w", err)
		}
	}
	r.Lost, r.LostCount = lost, len(left)
	return nil
}

func (o *Options) stamp() string { return o.Now().UTC().Format("20060102T150405.000") }

// install gives the new state its name.
func (o *Options) install(r *Report) error {
	if info, err := os.Lstat(o.path(stateFile)); err == nil && info.Size() > 0 {
		r.Aside = o.path(stateFile) + ".damaged-" + o.stamp()
		if err := os.Link(o.path(stateFile), r.Aside); err != nil { // so that the name is never missing
			if err := os.Rename(o.path(stateFile), r.Aside); err != nil {
				return fmt.Errorf("put %s aside: %w", o.path(stateFile), err)
			}
		}
	}
	if err := os.Rename(o.path(workFile), o.path(stateFile)); err != nil {
		return fmt.Errorf("put the new state in its place: %w", err)
	}
	return syncFolder(o.Root)
}
