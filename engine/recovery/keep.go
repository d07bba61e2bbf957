package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"box/engine/state"
	"box/fs/disk"
)

// When the state is copied. A copy is as big as the state, so it should be rare on flash. It is needed only if the
// state is damaged, and newer changes have their own files.
const (
	quiet     = 30 * time.Second // since the last change
	copyEvery = 30 * time.Minute
)

// Keeper copies the state while a daemon runs.
type Keeper struct {
	o      *Options
	db     *state.DB
	copied uint64 // changes that the copy has
	wake   chan struct{}
}

// NewKeeper makes a Keeper for the open state of a data root. If there is no good copy, it makes one at the first quiet
// time.
func NewKeeper(o *Options, db *state.DB) *Keeper {
	k := &Keeper{o: o, db: db, wake: make(chan struct{}, 1)}
	have, err := db.Summary()
	if copied, copyErr := o.copied(); err != nil || copyErr != nil || have.Change != copied.Change {
		k.copied = ^uint64(0)
		k.Changed()
	}
	return k
}

// Changed notes that the state was changed. It is cheap.
func (k *Keeper) Changed() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run makes copies at quiet times until ctx ends. It sleeps while nothing changes.
func (k *Keeper) Run(ctx context.Context, failed func(error)) {
	wait := func(d time.Duration) bool {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		for seen := k.db.Changes(); ; seen = k.db.Changes() {
			if !wait(quiet) {
				return
			}
			if k.db.Changes() == seen {
				break
			}
		}
		if err := k.Copy(); err != nil {
			failed(err)
		}
		if !wait(copyEvery) {
			return
		}
	}
}

// Copy copies the state unless the copy is up to date.
func (k *Keeper) Copy() error {
	now := k.db.Changes()
	if k.copied == now {
		return nil
	}
	if err := k.db.CopyTo(k.o.path(copyFile), k.o.Disk); err != nil {
		return err
	}
	k.copied = now
	return nil
}

// recordFile is the file in a container's folder with the container's record.
const recordFile = "record.json"

// beside is the content of that file.
type beside struct {
	ID     string
	Record json.RawMessage
}

// WriteRecord writes the record of a container into its folder dir. It is not synced, because only Recover reads it.
func WriteRecord(d *disk.Disk, dir, id string, record any) error {
	raw, err := json.Marshal(record)
	if err == nil {
		raw, err = json.Marshal(beside{id, raw})
	}
	if err == nil {
		err = d.Replace(filepath.Join(dir, recordFile), raw, 0o600)
	}
	if err != nil {
		return fmt.Errorf("record beside container %s: %w", id, err)
	}
	return nil
}

// HasRecord tells whether a container's folder contains its record.
func HasRecord(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, recordFile))
	return err == nil
}

// DropRecord removes the record of a container that is being removed, so that Recover does not bring it back.
func DropRecord(d *disk.Disk, dir string) {
	_ = d.Remove(filepath.Join(dir, recordFile)) // the folder goes too, and Open sweeps it else
}

// readRecord reads what WriteRecord wrote. ok is false if it is incomplete or of another container.
func readRecord(dir, id string) (record json.RawMessage, ok bool) {
	raw, err := os.ReadFile(filepath.Join(dir, recordFile))
	var b beside
	if err != nil || json.Unmarshal(raw, &b) != nil {
		return nil, false
	}
	return b.Record, b.ID == id && len(b.Record) > 0
}

func copyTo(d *disk.Disk, from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := d.Create(to, os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(d.Writer(out), in); err == nil {
		err = d.Sync(out)
	}
	return errors.Join(err, out.Close())
}
