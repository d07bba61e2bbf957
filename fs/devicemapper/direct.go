package devicemapper

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/devicemapper/dm"
	"box/fs/devicemapper/pool"
)

// split is how a block device was divided for a pool: its metadata first, then the data. It is kept in a file, by which
// a device is known to be ours.
type split struct {
	Device   string
	Metadata uint64 // sectors
	Block    uint64 // sectors of a block of the pool
}

// The size of a pool's metadata (thin-provisioning.rst).
const (
	leastMetadata = 2 << 20
	mostMetadata  = 16 << 30
)

// front is how much at the front of a device must be empty, so that no file system, table of parts or volume is lost.
const front = 1 << 20

// direct divides the device that dm.directlvm_device names, and returns its two parts.
func (d *Driver) direct() (p pool.Parts, err error) {
	number, size, s, err := d.claim()
	if err != nil {
		return p, err
	}
	sectors := size/sector - s.Metadata
	for _, part := range []struct {
		name   string
		from   uint64
		length uint64
		number *string
	}{{"tmeta", 0, s.Metadata, &p.Metadata}, {"tdata", s.Metadata, sectors, &p.Data}} {
		if *part.number, err = d.linear(part.name, number, part.from, part.length); err != nil {
			return p, err
		}
	}
	p.Sectors, p.Block = sectors, s.Block
	return p, nil
}

// claim opens the device, which nobody else may have, and divides it. It returns its major:minor and its bytes.
func (d *Driver) claim() (number string, size uint64, s split, err error) {
	f, err := os.OpenFile(d.o.direct, os.O_RDWR|unix.O_EXCL, 0)
	if errors.Is(err, unix.EBUSY) && d.there() { // the pool of an earlier daemon has it
		f, err = os.OpenFile(d.o.direct, os.O_RDWR, 0)
	}
	if err != nil {
		return "", 0, s, fmt.Errorf("dm.directlvm_device: %w", err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", 0, s, fmt.Errorf("dm.directlvm_device: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", 0, s, fmt.Errorf("dm.directlvm_device=%s is no block device: %w", d.o.direct, errdefs.ErrInvalidArgument)
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", 0, s, fmt.Errorf("dm.directlvm_device: %w", err)
	}
	s, err = d.divide(f, uint64(end))
	return fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev)), uint64(end), s, err
}

// there tells whether the pool is active.
func (d *Driver) there() bool {
	_, err := d.devices.dm.Info(d.devices.prefix + "pool")
	return err == nil
}

// divide returns how a device was divided, or divides one that is empty, or whose content is given up.
func (d *Driver) divide(f *os.File, size uint64) (s split, err error) {
	file := filepath.Join(d.root, "devicemapper", "direct")
	raw, err := os.ReadFile(file)
	if err == nil {
		if err = json.Unmarshal(raw, &s); err == nil && s.Device != d.o.direct {
			err = fmt.Errorf("the pool is on %s: %w", s.Device, errdefs.ErrFailedPrecondition)
		}
		if err != nil {
			return s, fmt.Errorf("dm.directlvm_device=%s: %w", d.o.direct, err)
		}
		return s, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	metadata := min(max(size*uint64(d.o.metaPercent)/100, leastMetadata), mostMetadata) / front * front
	if size < 2*metadata+front {
		return s, fmt.Errorf("dm.directlvm_device=%s: %d bytes are too few: %w", d.o.direct, size, errdefs.ErrInvalidArgument)
	}
	zeros := make([]byte, front)
	if !d.o.force {
		have := make([]byte, front)
		if _, err := io.ReadFull(io.NewSectionReader(f, 0, front), have); err != nil {
			return s, fmt.Errorf("dm.directlvm_device: %w", err)
		}
		if !bytes.Equal(have, zeros) {
			return s, fmt.Errorf("dm.directlvm_device=%s is not empty: dm.directlvm_device_force=true gives up what is on it: "+
				"%w",
				d.o.direct, errdefs.ErrFailedPrecondition)
		}
	}
	if _, err := f.WriteAt(zeros, 0); err != nil {
		return s, fmt.Errorf("dm.directlvm_device: %w", err)
	}
	if err := f.Sync(); err != nil {
		return s, fmt.Errorf("dm.directlvm_device: %w", err)
	}
	s = split{Device: d.o.direct, Metadata: metadata / sector, Block: d.o.blockSize / sector}
	return s, d.devices.keep(file, s)
}

// linear makes a part of a block device a device of its own.
func (d *Driver) linear(name, device string, from, length uint64) (number string, err error) {
	name = d.devices.prefix + name
	table := dm.Target{Length: length, Kind: "linear", Text: fmt.Sprintf("%s %d", device, from)}
	if err := d.devices.dm.Ensure(name, table); err != nil {
		return "", err
	}
	i, err := d.devices.dm.Info(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d", i.Major, i.Minor), nil
}
