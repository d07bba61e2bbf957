// Package pool is a thin pool of the device mapper: block devices that take room only for what was written to them, and
// snapshots of them that share it (Documentation/admin-guide/device-mapper/thin-provisioning.rst).
//
// The pool counts transactions. Each device that is made or deleted is one; the number at which a device was made is
// kept beside it, so that a pool that is older than what is known of it is told.
package pool

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"box/fs/devicemapper/dm"
)

// Pool is a thin pool. Its methods may be called by several goroutines.
type Pool struct {
	Name string // of the device mapper
	dm   *dm.Control

	mu      sync.Mutex // held over messages to the pool
	current uint64     // transaction
	block   uint64     // sectors
	number  string     // major:minor
}

// Parts are the devices that a pool is made of.
type Parts struct {
	Metadata, Data string // major:minor
	Sectors        uint64 // of data
	Block          uint64 // sectors of a block: the least that a device takes
}

// Make makes the pool, or takes the one of that name that is there, which is enlarged if the data have grown. A pool
// that is full answers writes with ENOSPC instead of holding them up.
func Make(c *dm.Control, name string, p Parts) (*Pool, error) {
	table := dm.Target{Length: p.Sectors / p.Block * p.Block, Kind: "thin-pool",
		Text: fmt.Sprintf("%s %s %d 0 2 skip_block_zeroing error_if_no_space", p.Metadata, p.Data, p.Block)}
	if err := c.Ensure(name, table); err != nil {
		return nil, err
	}
	have, err := c.Table(name)
	switch {
	case err != nil:
		return nil, err
	case len(have) != 1 || have[0].Kind != "thin-pool":
		return nil, fmt.Errorf("device %s is no pool: %w", name, unix.EEXIST)
	case have[0].Length < table.Length:
		if err := c.Reload(name, table); err != nil {
			return nil, err
		}
	}
	return Take(c, name)
}

// Take takes a pool that is there.
func Take(c *dm.Control, name string) (*Pool, error) {
	table, err := c.Table(name)
	if err != nil {
		return nil, err
	}
	p := &Pool{Name: name, dm: c}
	var metadata, data string
	if len(table) != 1 || table[0].Kind != "thin-pool" {
		return nil, fmt.Errorf("device %s is no thin pool: %w", name, unix.EINVAL)
	}
	if _, err := fmt.Sscan(table[0].Text, &metadata, &data, &p.block); err != nil {
		return nil, fmt.Errorf("table of pool %s: %w", name, err)
	}
	i, err := c.Info(name)
	if err != nil {
		return nil, err
	}
	p.number = fmt.Sprintf("%d:%d", i.Major, i.Minor)
	s, err := p.Status()
	if err != nil {
		return nil, err
	}
	p.current = s.Transaction
	return p, nil
}

// Status returns what the pool says of itself.
func (p *Pool) Status() (Status, error) {
	list, err := p.dm.Status(p.Name)
	if err != nil {
		return Status{}, err
	}
	if len(list) != 1 {
		return Status{}, fmt.Errorf("status of pool %s: %d targets", p.Name, len(list))
	}
	return parseStatus(list[0].Text)
}

// Block returns the bytes of a block.
func (p *Pool) Block() uint64 { return p.block * sector }

// Transaction returns the number of the last one.
func (p *Pool) Transaction() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Next calls note with the number of the next transaction, to be kept before it begins, and then makes with do what it
// is for.
func (p *Pool) next(note func(transaction uint64) error, do func() error) error {
	if err := note(p.current + 1); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := p.dm.Tell(p.Name, fmt.Sprintf("set_transaction_id %d %d", p.current, p.current+1)); err != nil {
		return err
	}
	p.current++
	return nil
}

// Create makes an empty device with a number that the pool does not have, else the error is EEXIST. note is called
// first, with the transaction.
func (p *Pool) Create(id uint32, note func(transaction uint64) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next(note, func() error { return p.dm.Tell(p.Name, fmt.Sprintf("create_thin %d", id)) })
}

// Snapshot makes a device that has what origin has now. active is the name of origin's device, "" if it is not active:
// what is written to it is held up meanwhile, so that the file system on it is whole.
func (p *Pool) Snapshot(id, origin uint32, active string, note func(transaction uint64) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next(note, func() error {
		if active == "" {
			return p.dm.Tell(p.Name, fmt.Sprintf("create_snap %d %d", id, origin))
		}
		if err := p.dm.Suspend(active); err != nil {
			return err
		}
		err := p.dm.Tell(p.Name, fmt.Sprintf("create_snap %d %d", id, origin))
		return errors.Join(err, p.dm.Resume(active))
	})
}

// Delete deletes a device that is not active. One that the pool does not have is deleted.
func (p *Pool) Delete(id uint32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.dm.Tell(p.Name, fmt.Sprintf("delete %d", id))
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}

// Activate makes the device with a number a block device called name, of size bytes. One that is there stays.
func (p *Pool) Activate(name string, id uint32, size uint64) error {
	return p.dm.Ensure(name, p.thin(id, size))
}

// Resize gives an active device another size.
func (p *Pool) Resize(name string, id uint32, size uint64) error {
	return p.dm.Reload(name, p.thin(id, size))
}

func (p *Pool) thin(id uint32, size uint64) dm.Target {
	return dm.Target{Length: size / sector, Kind: "thin", Text: fmt.Sprintf("%s %d", p.number, id)}
}

// Room returns the bytes of data and metadata that are in use and that there are.
func (s *Status) Room(p *Pool) (data, dataOf, metadata, metadataOf uint64) {
	return s.DataUsed * p.Block(), s.DataOf * p.Block(), s.MetadataUsed * metadataBlock, s.MetadataOf * metadataBlock
}
