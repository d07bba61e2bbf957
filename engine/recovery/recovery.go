package recovery

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/state"
	"box/fs"
	"box/fs/disk"
)

// Files in the data root.
const (
	stateFile  = "box.db"
	copyFile   = "box.db.copy"       // of the state, as Keep writes it
	workFile   = "box.db.recovering" // what Recover makes, until it is whole
	lostFolder = "lost"
)

// Options says where the data is.
type Options struct {
	Root string
	// Layers rebuilds the tables of all storage drivers (drivers.Recover). nil: nothing can be rebuilt.
	Layers func(ctx context.Context, db *state.DB, wanted func(layer string) bool) (map[string]fs.Recovered, error)
	Now    func() time.Time
	Disk   *disk.Disk // where changes go: the kernel

	look func() (state.Summary, error) // at the copy, once
}

// copied returns the summary of the copy as it was first read.
func (o *Options) copied() (state.Summary, error) {
	if o.look == nil {
		o.look = sync.OnceValues(func() (state.Summary, error) { return state.Look(o.path(copyFile)) })
	}
	return o.look()
}

func (o *Options) path(name string) string { return filepath.Join(o.Root, name) }

// Open opens the state of a data root. If it is missing or empty, it is created, unless there are layers, containers,
// content or volumes, which would be swept then. If it is damaged, or older than its own copy, the copy is used and
// updated from what is on disk. notes describe what was done about it.
func Open(ctx context.Context, o *Options) (db *state.DB, notes []string, err error) {
	path := o.path(stateFile)
	copied, copyErr := o.copied()
	info, err := os.Stat(path)
	if err == nil && info.Size() > 0 {
		db, err = state.OpenOld(path)
	} else if err == nil || errors.Is(err, os.ErrNotExist) {
		err = errdefs.ErrNotFound
	}
	switch {
	case errdefs.IsNotFound(err):
		return o.begin(err, copyErr)
	case errdefs.IsDataLoss(err):
		return o.fallBack(ctx, err, copyErr)
	case err != nil || copyErr != nil:
		return db, nil, err
	}
	have, err := db.Summary()
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	if have.Engine != copied.Engine && have.Engine != "" && copied.Engine != "" {
		return nil, nil, errors.Join(db.Close(),
			fmt.Errorf("state %s is not of this data root: its copy %s is of another engine. Put the right file back, "+
				"or move the copy away if it is the wrong one: %w", path, o.path(copyFile), errdefs.ErrFailedPrecondition))
	}
	if have.Change < copied.Change {
		if err := db.Close(); err != nil {
			return nil, nil, err
		}
		return o.fallBack(ctx, fmt.Errorf("state %s is older than its copy (change %d, the copy has %d)", path, have.Change,
			copied.Change), nil)
	}
	return db, nil, nil
}

// begin makes a new state if there is no data.
func (o *Options) begin(missing, copyErr error) (*state.DB, []string, error) {
	path := o.path(stateFile)
	around := o.around()
	if copyErr == nil {
		around = append(around, "a copy of the state")
	}
	if len(around) == 0 {
		db, err := state.Open(path)
		return db, nil, err
	}
	what := "is empty"
	if _, err := os.Stat(path); err != nil {
		what = "is missing"
	}
	return nil, nil, fmt.Errorf("state %s %s, and %s holds %s: box does not begin anew beside them, since it would "+
		"sweep them away. "+
		"Put the file back from a backup; or make it again from %s, with the same options and --recover: box dockerd "+
		"--recover; "+
		"or give box an empty folder with --data-root: %w",
		path, what, o.Root, strings.Join(around, ", "), o.sources(copyErr), errdefs.ErrFailedPrecondition)
}

// sources describes what Recover would use.
func (o *Options) sources(copyErr error) string {
	if copyErr != nil {
		return "what is on the disk (there is no good copy of it)"
	}
	when := ""
	if info, err := os.Stat(o.path(copyFile)); err == nil {
		when = " of " + info.ModTime().UTC().Format(time.RFC3339)
	}
	return "its copy " + o.path(copyFile) + when + " and what is on the disk"
}

// fallBack uses the copy instead of a state that cannot be used.
func (o *Options) fallBack(ctx context.Context, reason, copyErr error) (*state.DB, []string, error) {
	if copyErr != nil || o.Layers == nil {
		return nil, nil, fmt.Errorf("%w. Nothing was changed. Put the file back from a backup; or make it again from %s, "+
			"with the same options and --recover: "+
			"box dockerd --recover (the damaged file is kept): %w", reason, o.sources(copyErr), errdefs.ErrDataLoss)
	}
	report, err := Recover(ctx, *o)
	if err != nil {
		return nil, nil, errors.Join(reason, err)
	}
	db, err := state.OpenOld(o.path(stateFile))
	return db, append([]string{reason.Error()}, report.Lines()...), err
}

// around returns what is in the data root and would be unknown to a new state.
func (o *Options) around() (found []string) {
	for _, row := range []struct{ pattern, one, many string }{
		{"overlay2/*/diff", "layer of overlay2", "layers of overlay2"},
		{"overlay/*", "layer of overlay", "layers of overlay"},
		{"vfs/dir/*", "layer of vfs", "layers of vfs"},
		{"containers/*", "container", "containers"},
		{"content/sha256/*", "piece of images' content", "pieces of images' content"},
		{"volumes/*/_data", "volume", "volumes"},
	} {
		there, _ := filepath.Glob(filepath.Join(escape(o.Root), row.pattern)) // the pattern is good
		switch n := len(there); {
		case n == 1:
			found = append(found, "1 "+row.one)
		case n > 1:
			found = append(found, fmt.Sprint(n, " ", row.many))
		}
	}
	return found
}

// escape quotes a path for use in a pattern.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
