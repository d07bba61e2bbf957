package layers

import (
	"context"
	"errors"
	"fmt"

	"box/fs"
)

// Make makes a layer, and if keep is not 0 its row with that state. create makes its folders. After an error nothing
// is left of it.
func (c *Content) Make(row Row, keep fs.State, create func() error) error {
	if err := c.Table.Stage(row); err != nil {
		return err
	}
	err := create()
	if err == nil && keep != 0 {
		var rows []Row
		rows, err = c.Table.KeepNow(keep, row.Name)
		_ = c.Place.WriteBeside(rows...) // Open does it else
	}
	if err != nil {
		return errors.Join(fmt.Errorf("prepare layer %s: %w", row.Name, err), c.discard(row))
	}
	return nil
}

// Kept returns the state in which Prepare keeps a layer, or 0.
func Kept(o fs.PrepareOptions) fs.State {
	if o.Purpose == fs.ForContainer && !o.Deferred {
		return fs.Active
	}
	return 0
}

// Sync implements fs.Driver.
func (c *Content) Sync(_ context.Context, names ...string) error { return c.Syncer.Sync(names...) }

// Commit implements fs.Driver.
func (c *Content) Commit(tx fs.Tx, commits ...fs.Commit) error {
	rows, err := c.Table.Commit(tx, commits...)
	if err == nil {
		err = c.Place.WriteBeside(rows...)
	}
	tx.Committed(func() {
		for _, commit := range commits {
			c.Syncer.End(commit.Staged)
		}
	})
	return err
}

// Keep implements fs.Driver.
func (c *Content) Keep(tx fs.Tx, names ...string) error {
	rows, err := c.Table.Keep(tx, fs.Active, names...)
	return errors.Join(err, c.Place.WriteBeside(rows...))
}

// Forget implements fs.Driver.
func (c *Content) Forget(tx fs.Tx, names ...string) error { return c.Table.Forget(tx, names...) }

// Remove implements fs.Driver.
func (c *Content) Remove(_ context.Context, name string) error {
	row, ok, err := c.Table.Take(name)
	if err != nil || !ok {
		return err
	}
	return c.discard(row)
}

// discard deletes the files of a layer without a row and releases its name. What cannot be deleted is an orphan.
func (c *Content) discard(row Row) error {
	defer c.Table.Release(row.Name)
	c.Syncer.End(row.Name)
	if err := c.Delete(row); err != nil {
		return fmt.Errorf("delete layer %s: %w", row.Name, err)
	}
	return nil
}
