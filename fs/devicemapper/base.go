package devicemapper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"box/fs/devicemapper/ext4"
	"box/fs/devicemapper/loop"
	"box/fs/devicemapper/pool"
)

// sector is the unit of the device mapper, in bytes.
const sector = 512

// loops are the loop devices of a pool; there are none if it is on devices of its own.
type loops struct{ data, metadata *loop.Device }

func (l *loops) close() {
	for _, d := range []*loop.Device{l.data, l.metadata} {
		if d != nil {
			d.Close()
		}
	}
}

// openPool makes the pool or takes the one that is there.
func (d *Driver) openPool() (err error) {
	var st unix.Stat_t
	if err := unix.Stat(d.root, &st); err != nil {
		return os.NewSyscallError("stat "+d.root, err)
	}
	d.devices.prefix = fmt.Sprintf("docker-%d:%d-%d-", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	if err := d.devices.resume(); err != nil {
		return fmt.Errorf("resume what an earlier daemon has suspended: %w", err)
	}
	switch {
	case d.o.pool != "":
		d.devices.pool, err = pool.Take(d.devices.dm, d.o.pool)
	default:
		d.devices.pool, err = d.makePool(d.devices.prefix + "pool")
	}
	if err != nil {
		return fmt.Errorf("open thin pool: %w", err)
	}
	return d.devices.open()
}

func (d *Driver) makePool(name string) (*pool.Pool, error) {
	var p pool.Parts
	var err error
	if d.o.direct != "" {
		p, err = d.direct()
	} else {
		p, err = d.loopback()
	}
	if err != nil {
		return nil, err
	}
	return pool.Make(d.devices.dm, name, p)
}

// loopback makes the two sparse files, and grows them to what the options say.
func (d *Driver) loopback() (p pool.Parts, err error) {
	at := func(name string, size uint64, to **loop.Device) (number string, err error) {
		file := filepath.Join(d.root, "devicemapper", name)
		if err := d.sparse(file, size); err != nil {
			return "", err
		}
		if *to, err = loop.Attach(file); err != nil {
			return "", err
		}
		if err := (*to).Grow(); err != nil {
			return "", err
		}
		return (*to).Number()
	}
	if p.Metadata, err = at("metadata", d.o.metadataSize, &d.loops.metadata); err != nil {
		return p, err
	}
	if p.Data, err = at("data", d.o.dataSize, &d.loops.data); err != nil {
		return p, err
	}
	st, err := os.Stat(filepath.Join(d.root, "devicemapper", "data"))
	if err != nil {
		return p, err
	}
	p.Sectors, p.Block = uint64(st.Size())/sector, d.o.blockSize/sector
	return p, nil
}

// sparse makes a file of at least size bytes.
func (d *Driver) sparse(file string, size uint64) error {
	if st, err := os.Stat(file); err == nil && uint64(st.Size()) >= size {
		return nil
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.disk.Truncate(int(f.Fd()), int64(size)); err != nil {
		return fmt.Errorf("make %s of %d bytes: %w", file, size, err)
	}
	return errors.Join(d.disk.Sync(f), d.disk.SyncFolder(filepath.Dir(file)))
}

// The base.
const (
	baseID  = "base"
	rootDir = "rootfs" // in the file system of each device: the root of a container
)

// openBase makes the device that all layers stand on, unless it is there, with an empty file system. It grows with
// dm.basesize.
func (d *Driver) openBase(ctx context.Context) error {
	dev, err := d.devices.read(baseID)
	if err == nil && dev.Initialized {
		if d.o.baseSize > dev.Size {
			err = d.growBase(ctx, dev)
		}
		return err
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil { // an earlier start was cut off
		if err := d.dropBase(); err != nil {
			return err
		}
	}
	if err := d.devices.make(baseID, "", d.o.baseSize); err != nil {
		return fmt.Errorf("make base device: %w", err)
	}
	if err := d.fillBase(ctx); err != nil {
		return fmt.Errorf("make base device: %w", errors.Join(err, d.dropBase()))
	}
	return nil
}

// dropBase deletes a base that has no file system yet.
func (d *Driver) dropBase() error {
	file, err := d.devices.bury(baseID)
	if err != nil {
		return err
	}
	return d.removeSoon(file)
}

// fillBase makes the file system of the base.
func (d *Driver) fillBase(ctx context.Context) error {
	if err := d.devices.activate(baseID); err != nil {
		return err
	}
	f, err := os.OpenFile(d.devices.node(baseID), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = errors.Join(ext4.Write(f, int(d.devices.pool.Block())), f.Close())
	if err != nil {
		return err
	}
	dev, err := d.devices.read(baseID)
	if err != nil {
		return err
	}
	if err := d.growBase(ctx, dev); err != nil {
		return err
	}
	dev.Initialized = true
	return d.devices.write(baseID, dev)
}

// growBase makes the file system of the base as large as the options say, with a folder for roots.
func (d *Driver) growBase(ctx context.Context, dev device) error {
	if err := d.devices.activate(baseID); err != nil {
		return err
	}
	if dev.Size < d.o.baseSize {
		dev.Size = d.o.baseSize
		if err := d.devices.pool.Resize(d.devices.name(baseID), dev.Number, dev.Size); err != nil {
			return err
		}
		if err := d.devices.write(baseID, dev); err != nil {
			return err
		}
	}
	h, err := d.hold(baseID, false)
	if err != nil {
		return err
	}
	defer d.release(baseID)
	if err := ext4.Grow(h.path, dev.Size); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(h.path, "lost+found")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Mkdir(filepath.Join(h.path, rootDir), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return d.disk.SyncAll(h.dir)
}
