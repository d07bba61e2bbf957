// Package snapshots is what the storage drivers share that keep a whole tree of files for each layer, made from the
// one below: as a copy (vfs), or as a snapshot of the file system's own (btrfs), which may have to be mounted (zfs). On
// disk:
//
//	<root>/<folder>/<id>   a layer, or where it is mounted; a container's is its root
//	<root>/tar-split/<id>  the record from which a layer's exact tar is written again
//	<root>/rows/<id>       its row of the table, from which that is made again when it is lost
//	<root>/fresh/<id>      a container's copy that is not on the disk yet (settle.go)
package snapshots

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/mount"
)

// Trees makes and deletes the trees of layers.
type Trees interface {
	// Make makes an empty tree, which is a folder at path.
	Make(path string) error
	// Clone makes a tree at to with the content of that at from, which nobody changes any more.
	Clone(ctx context.Context, from, to string) error
	// Delete deletes the tree or folder at path, whatever programs made in it. A missing one is no error.
	Delete(path string) error
}

// Limiter is Trees that can limit the size of one.
type Limiter interface {
	// Limit lets the tree at path grow to so many bytes.
	Limit(path string, bytes int64) error
}

// Tracker is Trees that know where changes are.
type Tracker interface {
	// Unchanged tells for a folder of the tree at now whether nothing at or below it changed since now was made from
	// before. It is nil if the file system cannot tell.
	Unchanged(ctx context.Context, before, now string) (func(*unix.Stat_t) bool, error)
}

// Informer is Trees that people look at with tools of their own.
type Informer interface {
	// Status returns what `docker info` prints about them.
	Status() [][2]string
	// Folders returns what `docker inspect` prints about the tree of a path.
	Folders(path string) map[string]string
	// Close is called when the driver is closed.
	Close() error
}

// Options say what the drivers do not share.
type Options struct {
	Name   string      // of the driver
	Root   string      // its folder, which is made where it is missing
	Folder string      // below it, with the layers
	Trees  Trees       // Mounted, where they have to be
	Copies bool        // Clone writes the whole content, which takes long to reach the disk
	Status [][2]string // what `docker info` prints about the driver
	Disk   *disk.Disk  // nil for the kernel
}

// Driver is a driver of whole trees. Open makes one.
type Driver struct {
	layers.Content
	o       Options
	mounted Mounted // the trees, if they have to be mounted
	table   *layers.Table
	faults  []string
	disk    *disk.Disk
	cancel  context.CancelFunc
	sweeps  sync.WaitGroup
	swept   error // of the sweep; read by Close

	boot string   // ID of this boot
	lost []string // layers that an earlier boot did not write out; not used by several goroutines

	mu       sync.Mutex
	held     map[string]*hold
	settling map[string]*settling // by ID

	graves  chan string // paths of trees that were in use when they were to be deleted
	stopped context.Context
}

var (
	_ fs.Driver  = (*Driver)(nil)
	_ fs.Differ  = (*Driver)(nil)
	_ fs.Checker = (*Driver)(nil)
	_ fs.Locator = (*Driver)(nil)
	_ fs.Settler = (*Driver)(nil)
)

// Open opens a driver. Orphans are out of the way when it returns; they are deleted until Close.
func Open(ctx context.Context, db fs.DB, o Options) (*Driver, error) {
	d := &Driver{o: o, disk: o.Disk, held: map[string]*hold{}, settling: map[string]*settling{}, graves: make(chan string)}
	d.mounted, _ = o.Trees.(Mounted)
	dirs := []string{d.folders(), d.records(), d.rows()}
	if o.Copies {
		d.boot, dirs = bootID(), append(dirs, d.fresh())
	}
	for _, dir := range dirs {
		if err := d.disk.MkdirAll(dir, 0o710); err != nil {
			return nil, fmt.Errorf("open %s: %w", o.Name, err)
		}
	}
	var err error
	if d.table, err = layers.Open(db, o.Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.dir, Record: d.recordOf, Disk: d.disk,
		Place: PlaceOf(o.Name, o.Root, o.Folder, d.disk), Delete: d.delete, Syncer: layers.Syncer{Disk: d.disk}}
	orphans, err := d.openTrees()
	if err != nil {
		return nil, err
	}
	none := func(string) bool { return false }
	records, err := d.table.Sweep(d.disk, d.records(), none)
	if err != nil {
		return nil, err
	}
	rows, err := d.table.Sweep(d.disk, d.rows(), none)
	if err != nil {
		return nil, err
	}
	ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.stopped = ctx
	if o.Copies {
		if err := d.openFresh(); err != nil {
			d.cancel()
			return nil, err
		}
	}
	if d.mounted != nil {
		graves := orphans
		orphans = nil
		d.sweeps.Go(func() { d.bury(ctx, graves) })
	}
	d.sweeps.Go(func() {
		d.swept = errors.Join(layers.Delete(ctx, orphans, d.remove),
			layers.Delete(ctx, slices.Concat(records, rows), d.disk.RemoveAll), d.Place.Complete(d.table))
	})
	return d, nil
}

// openTrees finds the layers whose trees are missing, and returns the paths of those without a layer, whose names are
// free.
func (d *Driver) openTrees() ([]string, error) {
	if d.mounted != nil {
		return d.openMounted()
	}
	gone, err := d.table.Missing(d.folders())
	if err != nil {
		return nil, err
	}
	for _, row := range gone {
		d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: %s is not there", row.Name, d.place(row)))
	}
	return d.table.Sweep(d.disk, d.folders(), func(string) bool { return false })
}

// remove unmounts and deletes a layer's tree. A view is a mount of what it shows.
func (d *Driver) remove(path string) error {
	if err := mount.Unmount(path); err != nil && os.Geteuid() == 0 {
		return err
	}
	return d.o.Trees.Delete(path)
}

func (d *Driver) folders() string                { return filepath.Join(d.o.Root, d.o.Folder) }
func (d *Driver) records() string                { return filepath.Join(d.o.Root, "tar-split") }
func (d *Driver) rows() string                   { return filepath.Join(d.o.Root, "rows") }
func (d *Driver) apart() string                  { return filepath.Join(d.o.Root, "tmp") }
func (d *Driver) place(row layers.Row) string    { return filepath.Join(d.folders(), row.ID) }
func (d *Driver) recordOf(row layers.Row) string { return filepath.Join(d.records(), row.ID) }

// PlaceOf returns where the driver called name keeps what its table can be rebuilt from.
func PlaceOf(name, root, folder string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: name, Dir: filepath.Join(root, folder), Disk: d,
		Row:   func(id string) string { return filepath.Join(root, "rows", id) },
		Other: func(string) bool { return false },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// Name implements fs.Driver.
func (d *Driver) Name() string { return d.o.Name }

// Status implements fs.Driver.
func (d *Driver) Status() [][2]string {
	if i, ok := d.o.Trees.(Informer); ok {
		return i.Status()
	}
	return d.o.Status
}

// Folders implements fs.Locator.
func (d *Driver) Folders(_ context.Context, name string) (map[string]string, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return nil, err
	}
	i, ok := d.o.Trees.(Informer)
	if !ok {
		return nil, fmt.Errorf("folders of layer %s: %w", name, errdefs.ErrNotImplemented)
	}
	return i.Folders(d.place(row)), nil
}

// Swept implements fs.Sweeper.
func (d *Driver) Swept(ctx context.Context) error { return layers.Swept(ctx, &d.sweeps) }

// Close implements fs.Driver.
func (d *Driver) Close() error {
	d.cancel()
	d.sweeps.Wait()
	d.Syncer.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, h := range d.held {
		h.dir.Close()
		delete(d.held, id)
	}
	if i, ok := d.o.Trees.(Informer); ok {
		return errors.Join(d.swept, i.Close())
	}
	return d.swept
}
