package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"

	"box/fs/disk"
)

// CopyTo writes the current state to another file, completely or, after an error, not at all. Changes are possible
// meanwhile.
func (db *DB) CopyTo(path string, d *disk.Disk) error {
	beside := path + ".new"
	f, err := d.Create(beside, os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("copy state: %w", err)
	}
	err = db.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(d.Writer(f))
		return err
	})
	if err == nil {
		err = d.Sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.Rename(beside, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("copy state %s: %w", db.path, err), os.Remove(beside))
	}
	return d.SyncFolder(filepath.Dir(path))
}

// Summary describes a state file.
type Summary struct {
	Change uint64 // number of the last change
	Engine string // ID of the engine that wrote it, "" for none yet
}

// Summary describes an open file.
func (db *DB) Summary() (s Summary, err error) {
	err = db.View(func(tx *Tx) error {
		s.Change = uint64(tx.bolt.ID())
		s.Engine, err = Table[string]{Name: "meta"}.Get(tx, "engine-id")
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	return s, err
}

// Look describes and checks a file that no daemon has open, without changing it. The error is errdefs.ErrNotFound if
// there is no file or nothing was ever written to it.
func Look(path string) (s Summary, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("state %s: %w", path, errdefs.ErrNotFound)
	}
	if err != nil {
		return s, fmt.Errorf("look at state: %w", err)
	}
	if fresh, err := check(f); err != nil || fresh {
		if fresh {
			err = fmt.Errorf("state %s is empty: %w", path, errdefs.ErrNotFound)
		}
		return s, errors.Join(err, f.Close())
	}
	err = guarded(path, func() error {
		b, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: lockWait,
			OpenFile: func(string, int, os.FileMode) (*os.File, error) { return f, nil }})
		if err != nil {
			return fmt.Errorf("look at state %s: %w", path, err)
		}
		defer b.Close()
		s, err = (&DB{bolt: b, path: path}).Summary()
		return err
	})
	return s, err
}
