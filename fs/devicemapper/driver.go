// Package devicemapper is the storage driver for hosts whose disks have nothing better: every layer is a block device
// with an ext4 file system, a snapshot of the one below in a thin pool of the device mapper. It needs neither dmsetup,
// udev, losetup nor mkfs. On disk:
//
//	<root>/devicemapper/{data,metadata}  what the pool is made of, where no device is named for that (loop-lvm)
//	<root>/metadata/<id>                 number and size of a layer's device; "base" is what all stand on
//	<root>/mnt/<id>                      where a container's device is mounted; its root is rootfs in it
//	<root>/tar-split/<id>, rows/<id>     as with other drivers
package devicemapper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/devicemapper/dm"
	"box/fs/disk"
	"box/fs/layers"
	"box/fs/module"
	"box/fs/mount"
)

// Name is the name for --storage-driver.
const Name = "devicemapper"

// doomed is the end of the name of a device's file when it is about to be deleted, as layers.Doom has it.
const doomed = ".removing"

// Driver is the devicemapper driver. Open makes one.
type Driver struct {
	layers.Content
	root    string
	o       options
	table   *layers.Table
	disk    *disk.Disk
	devices devices
	loops   loops
	faults  []string
	sweeps  sync.WaitGroup
	cancel  context.CancelFunc
	swept   error // of the sweep; read by Close

	mu    sync.Mutex
	held  map[string]*hold
	given map[string]bool // active for a mount of the engine's

	graves chan string   // files of devices that were in use when they were to be deleted
	closed chan struct{} // by Close
}

var (
	_ fs.Driver   = (*Driver)(nil)
	_ fs.Differ   = (*Driver)(nil)
	_ fs.Checker  = (*Driver)(nil)
	_ fs.Releaser = (*Driver)(nil)
	_ fs.Locator  = (*Driver)(nil)
)

// Probe tells whether the kernel has what the driver needs; the error is of class ErrNotImplemented and names it.
func Probe(string) error {
	control, err := open()
	if err != nil {
		return err
	}
	return control.Close()
}

// open opens the device mapper of a kernel that has thin pools.
func open() (*dm.Control, error) {
	control, err := dm.Open()
	if err != nil {
		return nil, fmt.Errorf("the kernel has no device mapper (CONFIG_BLK_DEV_DM, module dm_mod): %w: %w", err,
			errdefs.ErrNotImplemented)
	}
	_, err = module.Load("dm_thin_pool")
	kinds, listErr := control.Targets()
	if err = errors.Join(err, listErr); err == nil && !slices.Contains(kinds, "thin-pool") {
		err = unix.ENOENT
	}
	if err != nil {
		control.Close()
		return nil, fmt.Errorf("the kernel has no thin pools (CONFIG_DM_THIN_PROVISIONING, module dm_thin_pool): %w: %w",
			err, errdefs.ErrNotImplemented)
	}
	return control, nil
}

// Open opens the driver on the folder root, which it makes where it is missing, with its pool. Where the kernel has no
// device mapper, the error is of class ErrNotImplemented and names what is missing.
func Open(ctx context.Context, root string, db fs.DB, dd *disk.Disk, opts []string) (_ *Driver, err error) {
	o, err := parse(opts)
	if err != nil {
		return nil, err
	}
	control, err := open()
	if err != nil {
		return nil, err
	}
	d := &Driver{root: root, o: o, disk: dd, held: map[string]*hold{},
		given: map[string]bool{}, graves: make(chan string), closed: make(chan struct{})}
	d.devices = devices{dm: control, dir: d.files(), disk: dd}
	defer func() {
		if err != nil {
			d.loops.close()
			control.Close()
		}
	}()
	for _, dir := range []string{d.files(), d.records(), d.rows(), d.mounts(), d.apart(),
		filepath.Join(root, "devicemapper")} {
		if err := dd.MkdirAll(dir, 0o710); err != nil {
			return nil, fmt.Errorf("open devicemapper: %w", err)
		}
	}
	if d.table, err = layers.Open(db, Name); err != nil {
		return nil, err
	}
	d.Content = layers.Content{Table: d.table, Files: d.dir, Record: d.recordOf, Disk: dd, Place: PlaceOf(root, dd),
		Syncer: layers.Syncer{Disk: dd}, Delete: d.delete}
	if err := d.openPool(); err != nil {
		return nil, err
	}
	if err := d.openBase(ctx); err != nil {
		return nil, err
	}
	return d, d.startSweep(ctx)
}

// startSweep finds layers that are lost and devices without an owner, and deletes these until Close.
func (d *Driver) startSweep(ctx context.Context) error {
	lost, err := d.table.Missing(d.files())
	if err != nil {
		return err
	}
	for _, row := range lost {
		d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: %s is not there", row.Name, d.devices.file(row.ID)))
	}
	if err := d.older(); err != nil {
		return err
	}
	known := map[string]bool{baseID: true}
	if err := d.table.Walk(func(r layers.Row) error { known[r.ID] = true; return nil }); err != nil {
		return err
	}
	orphans, err := d.devices.orphans(known)
	if err != nil {
		return err
	}
	if err := errors.Join(d.places(d.mounts()), d.places(d.apart())); err != nil {
		return err
	}
	none := func(string) bool { return false }
	var others []string
	for _, dir := range []string{d.records(), d.rows()} {
		gone, err := d.table.Sweep(d.disk, dir, none)
		if err != nil {
			return err
		}
		others = append(others, gone...)
	}
	var stopped context.Context
	stopped, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.sweeps.Go(func() {
		d.swept = errors.Join(d.idle(), layers.Delete(stopped, others, d.disk.RemoveAll), d.Place.Complete(d.table))
	})
	d.sweeps.Go(func() { d.bury(stopped, orphans) })
	return nil
}

// How often it is tried to delete what is in use.
const (
	firstTry = 10 * time.Millisecond
	lastTry  = 30 * time.Second
)

// bury deletes the devices of files, and then those of d.graves, until ctx ends. What is in use is tried again, ever
// more seldom.
func (d *Driver) bury(ctx context.Context, files []string) {
	wait := firstTry
	for {
		var again <-chan time.Time
		files = slices.DeleteFunc(files, func(file string) bool {
			return ctx.Err() == nil && d.devices.remove(file, d.o.discard) == nil
		})
		if len(files) > 0 {
			again = time.After(wait)
			wait = min(2*wait, lastTry)
		}
		select {
		case <-ctx.Done():
			return
		case file := <-d.graves:
			files, wait = append(files, file), firstTry
		case <-again:
		}
	}
}

// places removes the folders for mounts in dir that have no device.
func (d *Driver) places(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if _, err := os.Lstat(d.devices.file(e.Name())); dir == d.mounts() && !errors.Is(err, os.ErrNotExist) {
			continue
		}
		at := filepath.Join(dir, e.Name())
		if err := errors.Join(mount.Unmount(at), d.disk.Remove(at)); err != nil {
			return err
		}
	}
	return nil
}

// older tells of layers that were made in a transaction that the pool does not know: it is of an earlier time.
func (d *Driver) older() error {
	last := d.devices.pool.Transaction()
	return d.table.Walk(func(row layers.Row) error {
		if dev, err := d.devices.read(row.ID); err == nil && dev.Transaction > last {
			d.faults = append(d.faults, fmt.Sprintf("layer %s is missing: the pool is at transaction %d, and it was made at %d",
				row.Name, last, dev.Transaction))
		}
		return nil
	})
}

// idle takes away block devices that an earlier daemon has left and nobody uses, and nodes of such as are gone.
func (d *Driver) idle() error {
	if err := d.devices.dm.Tidy(d.devices.prefix); err != nil {
		return err
	}
	ids, err := d.devices.active()
	if err != nil {
		return err
	}
	for _, id := range ids {
		d.mu.Lock()
		if d.held[id] == nil && !d.given[id] {
			if err := d.devices.deactivate(id, false); err != nil && !errors.Is(err, unix.EBUSY) {
				d.mu.Unlock()
				return err
			}
		}
		d.mu.Unlock()
	}
	return nil
}

func (d *Driver) files() string                  { return filepath.Join(d.root, "metadata") }
func (d *Driver) mounts() string                 { return filepath.Join(d.root, "mnt") }
func (d *Driver) apart() string                  { return filepath.Join(d.root, "tmp") }
func (d *Driver) records() string                { return filepath.Join(d.root, "tar-split") }
func (d *Driver) rows() string                   { return filepath.Join(d.root, "rows") }
func (d *Driver) recordOf(row layers.Row) string { return filepath.Join(d.records(), row.ID) }

// PlaceOf returns where the driver on root keeps what its table can be rebuilt from.
func PlaceOf(root string, d *disk.Disk) layers.Place {
	return layers.Place{Driver: Name, Dir: filepath.Join(root, "metadata"), Disk: d,
		Row:   func(id string) string { return filepath.Join(root, "rows", id) },
		Other: func(name string) bool { return name == baseID },
	}
}

// Faults implements fs.Checker.
func (d *Driver) Faults() []string { return d.faults }

// Name implements fs.Driver.
func (d *Driver) Name() string { return Name }

// Close implements fs.Driver. The pool goes, with its loop devices, as soon as no container uses it.
func (d *Driver) Close() error {
	close(d.closed)
	d.cancel()
	d.sweeps.Wait()
	d.Syncer.Close()
	d.mu.Lock()
	for id, h := range d.held {
		h.close(d, id)
	}
	d.mu.Unlock()
	errs := []error{d.swept, d.idle()}
	if d.o.pool == "" {
		for _, part := range []string{"pool", "tmeta", "tdata"} {
			errs = append(errs, d.devices.dm.RemoveLater(d.devices.prefix+part))
		}
	}
	d.loops.close()
	return errors.Join(append(errs, d.devices.dm.Close())...)
}
