package layers

import (
	"fmt"

	"github.com/containerd/errdefs"

	"box/fs"
)

// Commit turns staged layers into committed ones in tx, each with its own name and parent, bottom first, and returns
// their rows. The names under which they were staged are free when tx has committed.
func (t *Table) Commit(tx fs.Tx, commits ...fs.Commit) ([]Row, error) {
	var rows []Row
	for _, c := range commits {
		row, ok := t.inMemory(c.Staged)
		if !ok {
			return nil, fmt.Errorf("staged layer %s: %w", c.Staged, errdefs.ErrNotFound)
		}
		if tx.Bucket(t.rows).Get([]byte(c.Name)) != nil {
			return nil, fmt.Errorf("layer %s: %w", c.Name, errdefs.ErrAlreadyExists)
		}
		row.Name, row.Parent, row.Size, row.State = c.Name, c.Parent, c.Size, fs.Committed
		if err := t.put(tx, row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	tx.Committed(func() {
		for _, c := range commits {
			t.Release(c.Staged)
		}
	})
	return rows, nil
}

// Keep writes the rows of staged layers in tx with a state, and returns them.
func (t *Table) Keep(tx fs.Tx, state fs.State, names ...string) (rows []Row, err error) {
	for _, name := range names {
		row, ok := t.inMemory(name)
		if !ok {
			return nil, fmt.Errorf("deferred layer %s: %w", name, errdefs.ErrNotFound)
		}
		row.State = state
		if err := t.put(tx, row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	tx.Committed(func() {
		for _, name := range names {
			t.Release(name)
		}
	})
	return rows, nil
}

// KeepNow is Keep in a transaction of its own, which it may share with others.
func (t *Table) KeepNow(state fs.State, names ...string) (rows []Row, err error) {
	err = t.db.Update(func(tx fs.Tx) (err error) {
		rows, err = t.Keep(tx, state, names...)
		return err
	})
	return rows, err
}

// Forget takes rows away in tx, those that stand on others of them first if they are named first. The layers are
// staged again once tx has committed, so that their names stay taken until Release. A name that has no row is passed
// over.
func (t *Table) Forget(tx fs.Tx, names ...string) error {
	var gone []Row
	for _, name := range names {
		row, err := t.get(tx.Tx, name)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return err
		}
		if t.hasChild(tx, name) || t.stagedOn(name) {
			return fmt.Errorf("layer %s has layers on it: %w", name, errdefs.ErrFailedPrecondition)
		}
		if err := tx.Bucket(t.rows).Delete([]byte(name)); err != nil {
			return fmt.Errorf("layer %s: %w", name, err)
		}
		if row.Parent != "" {
			if err := tx.Bucket(t.children).Delete(childKey(row.Parent, name)); err != nil {
				return fmt.Errorf("layer %s: %w", name, err)
			}
		}
		gone = append(gone, row)
	}
	t.stage(tx, gone)
	return nil
}

// stage puts rows that tx removes back into memory when tx has committed.
func (t *Table) stage(tx fs.Tx, gone []Row) {
	if len(gone) == 0 {
		return
	}
	tx.Committed(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, row := range gone {
			row.State, row.Parent = fs.Staged, ""
			t.staged[row.Name] = row
		}
	})
}

// stagedOn tells whether a layer without a row has name as parent.
func (t *Table) stagedOn(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, row := range t.staged {
		if row.Parent == name {
			return true
		}
	}
	return false
}

// Take removes a layer from the table and returns it, so that its files can be deleted. Its name stays taken until
// Release. ok is false if there is no such layer.
func (t *Table) Take(name string) (row Row, ok bool, err error) {
	if _, staged := t.inMemory(name); !staged {
		if _, err := t.Get(name); errdefs.IsNotFound(err) {
			return Row{}, false, nil
		}
		err := t.db.Update(func(tx fs.Tx) error { return t.Forget(tx, name) })
		if err != nil {
			return Row{}, false, err
		}
	}
	row, ok = t.inMemory(name)
	if ok && t.stagedOn(name) {
		return Row{}, false, fmt.Errorf("layer %s has layers on it: %w", name, errdefs.ErrFailedPrecondition)
	}
	return row, ok, nil
}
