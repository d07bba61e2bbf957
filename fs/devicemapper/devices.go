package devicemapper

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"box/fs/devicemapper/dm"
	"box/fs/devicemapper/pool"
	"box/fs/disk"
)

// device is what is kept of a device, in the file metadata/<id> as Docker has it. It is written before the device is
// made and removed after it was deleted, so that each device has one.
type device struct {
	Number      uint32 `json:"device_id"`
	Size        uint64 `json:"size"` // bytes
	Transaction uint64 `json:"transaction_id"`
	Initialized bool   `json:"initialized"` // of the base: it has its file system
}

// most is the highest number that a pool takes (thin-provisioning.rst), 24 bits.
const most = 1<<24 - 1

// devices are those of a pool that are ours.
type devices struct {
	dm     *dm.Control
	pool   *pool.Pool
	dir    string // of their files
	prefix string // of their names in the device mapper
	disk   *disk.Disk

	mu   sync.Mutex
	used map[uint32]bool
	next uint32
}

// open reads which numbers are used.
func (d *devices) open() error {
	d.used = map[uint32]bool{}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if dev, err := d.read(e.Name()); err == nil {
			d.used[dev.Number] = true
		}
	}
	return nil
}

func (d *devices) name(id string) string { return d.prefix + id }
func (d *devices) file(id string) string { return filepath.Join(d.dir, id) }
func (d *devices) node(id string) string { return d.dm.Node(d.name(id)) }

// read returns what is kept of a device.
func (d *devices) read(id string) (dev device, err error) {
	raw, err := os.ReadFile(d.file(id))
	if err != nil {
		return dev, err
	}
	if err := json.Unmarshal(raw, &dev); err != nil {
		return dev, fmt.Errorf("device %s: %s: %w", id, d.file(id), err)
	}
	return dev, nil
}

// write keeps what is known of a device, durably.
func (d *devices) write(id string, dev device) error { return d.keep(d.file(id), dev) }

// keep writes a file durably: after a crash it has the old content or the new.
func (d *devices) keep(file string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	beside := file + ".new"
	f, err := d.disk.Create(beside, os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = d.disk.Writer(f).Write(raw)
	if err == nil {
		err = d.disk.Sync(f)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.disk.Rename(beside, file)
	}
	if err != nil {
		return errors.Join(err, d.disk.RemoveAll(beside))
	}
	return d.disk.SyncFolder(filepath.Dir(file))
}

// make makes a device of size bytes: a snapshot of another, or if origin is "" an empty one. After an error there is
// none, or its file says that it has no owner.
func (d *devices) make(id, origin string, size uint64) error {
	var from device
	var active string
	if origin != "" {
		var err error
		if from, err = d.read(origin); err != nil {
			return err
		}
		size = max(size, from.Size)
		switch _, err := d.dm.Info(d.name(origin)); {
		case err == nil:
			active = d.name(origin)
		case !errors.Is(err, unix.ENXIO):
			return err
		}
	}
	for {
		number, err := d.take()
		if err != nil {
			return err
		}
		note := func(transaction uint64) error {
			return d.write(id, device{Number: number, Size: size, Transaction: transaction})
		}
		if origin == "" {
			err = d.pool.Create(number, note)
		} else {
			err = d.pool.Snapshot(number, from.Number, active, note)
		}
		if !errors.Is(err, unix.EEXIST) { // else somebody else's, which is left alone
			return err
		}
		if err := d.disk.RemoveAll(d.file(id)); err != nil {
			return err
		}
	}
}

// take returns a number that no device of ours has.
func (d *devices) take() (uint32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range most {
		d.next++
		if d.next > most {
			d.next = 1
		}
		if !d.used[d.next] {
			d.used[d.next] = true
			return d.next, nil
		}
	}
	return 0, fmt.Errorf("the pool has no number left for a device: %w", unix.ENOSPC)
}

func (d *devices) give(number uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.used, number)
}

// activate makes a device a block device.
func (d *devices) activate(id string) error {
	dev, err := d.read(id)
	if err != nil {
		return err
	}
	return d.pool.Activate(d.name(id), dev.Number, dev.Size)
}

// deactivate takes the block device away unless it is in use, or with later when that ends.
func (d *devices) deactivate(id string, later bool) error {
	if later {
		return d.dm.RemoveLater(d.name(id))
	}
	return d.dm.Remove(d.name(id))
}

// gone is how a device is called that has no owner, in the device mapper and, with doomed, among the files.
func gone(number uint32) string { return fmt.Sprintf("gone-%d", number) }

// bury takes a device from its owner: its ID is free, whoever has it open, and its file is the one that is returned. A
// device that is not there is none.
func (d *devices) bury(id string) (file string, err error) {
	dev, err := d.read(id)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil { // cut off before there was a device
		return "", d.disk.RemoveAll(d.file(id))
	}
	switch _, err := d.dm.Info(d.name(id)); {
	case err == nil:
		if err := d.dm.Rename(d.name(id), d.name(gone(dev.Number))); err != nil {
			return "", err
		}
	case !errors.Is(err, unix.ENXIO):
		return "", err
	}
	file = gone(dev.Number) + doomed
	return file, d.disk.Rename(d.file(id), d.file(file))
}

// remove deletes a device that is buried. One that is in use is EBUSY.
func (d *devices) remove(file string, discard bool) error {
	dev, err := d.read(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	id := gone(dev.Number)
	if discard {
		d.discard(id, dev)
	}
	if err := d.dm.Remove(d.name(id)); err != nil {
		return err
	}
	if err := d.pool.Delete(dev.Number); err != nil {
		return err
	}
	if err := d.disk.RemoveAll(d.file(file)); err != nil {
		return err
	}
	d.give(dev.Number)
	return nil
}

// orphans buries the devices that known does not have, and returns the files of all that are buried.
func (d *devices) orphans(known map[string]bool) (files []string, err error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := e.Name()
		if !known[name] && !strings.HasSuffix(name, doomed) {
			if name, err = d.bury(name); err != nil {
				return nil, err
			}
		}
		if strings.HasSuffix(name, doomed) {
			files = append(files, name)
		}
	}
	return files, nil
}

// discard gives the blocks of a device back to what the pool lies on. It is a courtesy: what does not work is left.
func (d *devices) discard(id string, dev device) {
	if d.pool.Activate(d.name(id), dev.Number, dev.Size) != nil {
		return
	}
	f, err := os.OpenFile(d.node(id), os.O_RDWR|unix.O_EXCL, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_ = discard(f, dev.Size)
}

// active returns the IDs of those that are active.
func (d *devices) active() ([]string, error) {
	all, err := d.dm.List()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range all {
		id, ours := strings.CutPrefix(name, d.prefix)
		if ours && id != "pool" && id != "tmeta" && id != "tdata" {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// resume lets those go on that an earlier daemon held up for a snapshot and was killed: whatever is written to them
// waits, and with it everybody who syncs the disks of the host. One that was killed before it had a table goes.
func (d *devices) resume() error {
	all, err := d.dm.List()
	if err != nil {
		return err
	}
	for _, name := range all {
		if !strings.HasPrefix(name, d.prefix) {
			continue
		}
		i, err := d.dm.Info(name)
		if err == nil && i.Suspended {
			err = d.dm.Resume(name)
			if errors.Is(err, unix.EINVAL) {
				err = d.dm.Remove(name)
			}
		}
		if err != nil && !errors.Is(err, unix.ENXIO) {
			return err
		}
	}
	return nil
}
