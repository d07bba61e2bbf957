package snapshots

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/layers"
	"box/fs/mount"
)

// Mounted is Trees that are seen only where they are mounted, such as datasets. The path of a tree is then an empty
// folder, which the driver makes before the tree and removes after it; its last element is the name of the tree.
type Mounted interface {
	Trees
	// List returns the names of the trees that are there.
	List() ([]string, error)
	// Mount returns what mounts the tree of path there.
	Mount(path string) mount.Mount
	// Rename gives the tree of a path, which may be in use, that of another. One that has the name is os.ErrExist.
	Rename(from, to string) error
}

// hold is a tree that is mounted where nobody else sees it: by an open folder alone, so that nothing stays mounted
// when the daemon ends.
type hold struct {
	users int
	dir   *os.File
}

// path is that by which the tree is reached.
func (h *hold) path() string { return "/proc/self/fd/" + strconv.Itoa(int(h.dir.Fd())) }

// hold mounts the tree of a layer until release is called as often.
func (d *Driver) hold(row layers.Row) (*hold, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[row.ID]; h != nil {
		h.users++
		return h, nil
	}
	at := filepath.Join(d.apart(), row.ID)
	if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	defer os.Remove(at) // nothing is mounted there any more
	m := d.mounted.Mount(d.place(row))
	m.Target, m.Options = at, append(m.Options, "noatime", "nosuid", "nodev", "noexec")
	if row.State == fs.View {
		m.Options = append(m.Options, "ro")
	}
	if err := mount.All([]mount.Mount{m}); err != nil {
		return nil, fmt.Errorf("layer %s: %w", row.ID, err)
	}
	dir, err := os.Open(at)
	if err = errors.Join(err, mount.Unmount(at)); err != nil {
		return nil, fmt.Errorf("layer %s: %w", row.ID, err)
	}
	h := &hold{users: 1, dir: dir}
	d.held[row.ID] = h
	return h, nil
}

// release ends a hold, or with all those of everybody.
func (d *Driver) release(id string, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.held[id]
	if h == nil {
		return
	}
	if h.users--; h.users == 0 || all {
		h.dir.Close()
		delete(d.held, id)
	}
}

// within calls do while the files of a layer are seen.
func (d *Driver) within(row layers.Row, do func() error) error {
	if d.mounted == nil {
		return do()
	}
	if _, err := d.hold(row); err != nil {
		return err
	}
	defer d.release(row.ID, false)
	return do()
}

// named is within by the name of a layer.
func (d *Driver) named(name string, do func() error) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	return d.within(row, do)
}

// dir returns the folder with the files of a layer.
func (d *Driver) dir(row layers.Row) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h := d.held[row.ID]; h != nil {
		return h.path()
	}
	return d.place(row)
}

// fill makes a new tree what a layer has to be, and prepares for what is written to it. One that is mounted is held
// until the layer is committed.
func (d *Driver) fill(row layers.Row, o fs.PrepareOptions) error {
	fresh := row.Parent == ""
	if d.mounted == nil {
		if fresh {
			return own(row, d.place(row))
		}
		return nil
	}
	if o.Purpose == fs.ForContainer && !fresh {
		return nil
	}
	h, err := d.hold(row)
	if err != nil {
		return err
	}
	if o.Purpose == fs.ForContainer {
		defer d.release(row.ID, false)
		return errors.Join(own(row, h.path()), d.disk.SyncAll(h.dir))
	}
	if err := d.Syncer.Start(row.Name, h.path()); err != nil || !fresh {
		return err
	}
	return own(row, h.path())
}

// own gives an empty tree to the root of a user namespace.
func own(row layers.Row, dir string) error {
	if os.Geteuid() == 0 && len(row.UIDs) > 0 && len(row.GIDs) > 0 {
		if err := os.Chown(dir, row.UIDs[0].Host, row.GIDs[0].Host); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o755)
}

// Apply implements fs.Driver.
func (d *Driver) Apply(ctx context.Context, name string, tar io.Reader) (size int64, err error) {
	err = d.named(name, func() (err error) {
		size, err = d.Content.Apply(ctx, name, tar)
		return err
	})
	return size, err
}

// Tar implements fs.Driver.
func (d *Driver) Tar(ctx context.Context, name string, w io.Writer) error {
	return d.named(name, func() error { return d.Content.Tar(ctx, name, w) })
}

// Commit implements fs.Driver. The trees of the layers are not held any more.
func (d *Driver) Commit(tx fs.Tx, commits ...fs.Commit) error {
	var ids []string
	for _, c := range commits {
		if row, err := d.table.Get(c.Staged); err == nil {
			ids = append(ids, row.ID)
		}
	}
	err := d.Content.Commit(tx, commits...)
	tx.Committed(func() {
		for _, id := range ids {
			d.release(id, false)
		}
	})
	return err
}

// unmounted unmounts the folder of a layer, and tells whether what is in it may be deleted: nothing is mounted.
func unmounted(path string) error {
	err := mount.Unmount(path)
	on, onErr := mount.Mounted(path)
	if err == nil && on {
		err = fmt.Errorf("%s: %w", path, unix.EBUSY)
	}
	return errors.Join(err, onErr)
}
