package devicemapper

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"
)

// Status implements fs.Driver with the lines of Docker's driver.
func (d *Driver) Status() [][2]string {
	p := d.devices.pool
	bytes := func(n uint64) string { return units.HumanSize(float64(n)) }
	lines := [][2]string{{"Pool Name", p.Name}, {"Pool Blocksize", bytes(p.Block())}}
	if base, err := d.devices.read(baseID); err == nil {
		lines = append(lines, [2]string{"Base Device Size", bytes(base.Size)})
	}
	lines = append(lines, [2]string{"Backing Filesystem", "ext4"}, [2]string{"Udev Sync Supported", "true"})
	if l := &d.loops; l.data != nil && l.metadata != nil {
		lines = append(lines, [2]string{"Data file", l.data.Path()}, [2]string{"Metadata file", l.metadata.Path()},
			[2]string{"Data loop file", filepath.Join(d.root, "devicemapper", "data")},
			[2]string{"Metadata loop file", filepath.Join(d.root, "devicemapper", "metadata")})
	}
	if s, err := p.Status(); err == nil {
		data, dataOf, metadata, metadataOf := s.Room(p)
		dataFree, metadataFree := dataOf-min(data, dataOf), metadataOf-min(metadata, metadataOf)
		if d.loops.data != nil { // a sparse file has no more than its disk
			dataFree, metadataFree = min(dataFree, d.free()), min(metadataFree, d.free())
		}
		lines = append(lines, [2]string{"Data Space Used", bytes(data)}, [2]string{"Data Space Total", bytes(dataOf)},
			[2]string{"Data Space Available", bytes(dataFree)}, [2]string{"Metadata Space Used", bytes(metadata)},
			[2]string{"Metadata Space Total", bytes(metadataOf)}, [2]string{"Metadata Space Available", bytes(metadataFree)},
			[2]string{"Thin Pool Minimum Free Space", bytes(dataOf * uint64(d.o.minFree) / 100)})
	}
	later := strconv.FormatBool(d.o.deferred)
	lines = append(lines, [2]string{"Deferred Removal Enabled", later}, [2]string{"Deferred Deletion Enabled", later},
		[2]string{"Deferred Deleted Device Count", strconv.Itoa(d.waiting())})
	if v, err := d.devices.dm.Kernel(); err == nil {
		lines = append(lines, [2]string{"Driver Version", v})
	}
	return lines
}

// free returns the bytes that are free on the disk with the data root.
func (d *Driver) free() uint64 {
	var s unix.Statfs_t
	if unix.Statfs(d.root, &s) != nil {
		return 0
	}
	return s.Bavail * uint64(s.Bsize)
}

// waiting returns how many devices are deleted when nobody uses them any more.
func (d *Driver) waiting() int {
	list, _ := filepath.Glob(filepath.Join(d.files(), "*"+doomed))
	return len(list)
}

// Folders implements fs.Locator with what Docker's driver tells of a device.
func (d *Driver) Folders(_ context.Context, name string) (map[string]string, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return nil, err
	}
	dev, err := d.devices.read(row.ID)
	if err != nil {
		return nil, err
	}
	return map[string]string{"DeviceId": strconv.FormatUint(uint64(dev.Number), 10),
		"DeviceName": d.devices.name(row.ID), "DeviceSize": strconv.FormatUint(dev.Size, 10)}, nil
}
