package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/containerd/errdefs"

	"box/engine/state"
	"box/fs"
)

// emptied lists the drivers whose images and containers were moved, and whose layers are being deleted.
func emptied() state.Table[struct{}] { return state.Table[struct{}]{Name: "migrated-from"} }

// Unfinished lists the drivers whose layers are to be deleted yet, because a move was cut off at its end.
func Unfinished(db *state.DB) (list []string, err error) {
	err = db.View(func(tx *state.Tx) error {
		return emptied().Walk(tx, func(driver string, _ struct{}, _ error) error {
			list = append(list, driver)
			return nil
		})
	})
	return list, err
}

// patience is how long a move waits for devices that somebody uses, before it has to be called again.
const patience = time.Minute

// delete deletes all that From has, and what is there of what was cut off before.
func (m *Move) delete(ctx context.Context) error {
	if err := deleteAll(ctx, m.From); err != nil {
		return err
	}
	if s, ok := m.From.(fs.Sweeper); ok {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := s.Swept(ctx); err != nil {
			return fmt.Errorf("wait for what is in use: %w", err)
		}
	}
	return m.DB.Update(func(tx *state.Tx) error { return emptied().Delete(tx, m.From.Name()) })
}

// deleteAll deletes all layers of a driver, those on others first.
func deleteAll(ctx context.Context, d fs.Driver) error {
	for {
		var names []string
		if err := d.Walk(ctx, func(i fs.Info) error { names = append(names, i.Name); return nil }); err != nil {
			return err
		}
		below := 0
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			switch err := d.Remove(ctx, name); {
			case errdefs.IsFailedPrecondition(err):
				below++
			case err != nil:
				return err
			}
		}
		if below == 0 {
			return nil
		}
		if below == len(names) {
			return fmt.Errorf("%d layers are in use: %w", below, errdefs.ErrConflict)
		}
	}
}

// Begin is called when a driver was opened for a daemon, and before anybody else uses it. What was moved away from it
// is deleted. Copies that were made from it are stale from now on, and copies in it are deleted if they are stale, or
// their container is gone.
func Begin(ctx context.Context, db *state.DB, d fs.Driver) error {
	var stale, gone []string
	moved := false
	err := db.View(func(tx *state.Tx) error {
		_, missing := emptied().Get(tx, d.Name())
		moved = !errdefs.IsNotFound(missing)
		var err error
		stale, gone, err = outdated(tx, d.Name())
		return err
	})
	if err != nil || !moved && len(stale)+len(gone) == 0 {
		return err
	}
	if moved {
		if err := deleteAll(ctx, d); err != nil {
			return fmt.Errorf("delete what was moved from %s: %w", d.Name(), err)
		}
	}
	for _, id := range gone {
		if err := drop(ctx, d, id); err != nil {
			return fmt.Errorf("delete the copy of container %s: %w", id, err)
		}
	}
	return db.Update(func(tx *state.Tx) error {
		err := emptied().Delete(tx, d.Name())
		for _, key := range stale {
			err = errors.Join(err, marks().Put(tx, key, copied{From: d.Name(), Stale: true}))
		}
		for _, id := range gone {
			err = errors.Join(err, marks().Delete(tx, d.Name()+"/"+id))
		}
		return err
	})
}
