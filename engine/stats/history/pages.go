package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"os"
	"slices"

	"github.com/containerd/errdefs"

	"box/fs/disk"
)

// A page is its sum 4, the length of the data 2, columns 2, rows 4, step 4, start 8, and who it is of 8, and the data.
const (
	pageSize = 4096
	pageHead = 32
	payload  = pageSize - pageHead
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pages is the file of chunks.
type pages struct {
	disk  *disk.Disk
	file  *os.File
	count int32   // that the file has, or is about to have
	used  []bool  // by number
	dying []int32 // not used by the next directory, but by the one on disk
}

// openPages opens the file, or makes it.
func openPages(path string, d *disk.Disk) (*pages, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		if f, err = d.Create(path, 0, 0o600); err == nil {
			f.Close()
			f, err = os.OpenFile(path, os.O_RDWR, 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("open history %s: it is no regular file", path), err, f.Close())
	}
	count := min(info.Size()/pageSize, 1<<24)
	return &pages{disk: d, file: f, count: int32(count), used: make([]bool, count)}, nil
}

// claim marks a page that a directory has. It tells whether it is there and no other chunk's.
func (p *pages) claim(n int32) bool {
	if n < 0 || n >= p.count || p.used[n] {
		return false
	}
	p.used[n] = true
	return true
}

// take finds a free page.
func (p *pages) take() int32 {
	for n, used := range p.used {
		if !used {
			p.used[n] = true
			return int32(n)
		}
	}
	p.used = append(p.used, true)
	p.count = int32(len(p.used))
	return p.count - 1
}

// drop lets go of the pages of a chunk.
func (p *pages) drop(c *chunk) {
	for _, n := range []int32{c.page, c.next} {
		if n != none && !slices.Contains(p.dying, n) {
			p.dying = append(p.dying, n)
		}
	}
	c.page, c.next = none, none
}

// committed frees what the directory on disk does not have any more, and the end of the file.
func (p *pages) committed() error {
	for _, n := range p.dying {
		p.used[n] = false
	}
	p.dying = p.dying[:0]
	last := len(p.used)
	for last > 0 && !p.used[last-1] {
		last--
	}
	p.used, p.count = p.used[:last], int32(last)
	info, err := p.file.Stat()
	if err != nil || info.Size() <= int64(last)*pageSize {
		return err
	}
	return p.disk.Truncate(int(p.file.Fd()), int64(last)*pageSize)
}

// owner tells series and tiers apart.
func owner(series string, tier int) uint64 {
	h := fnv.New64a()
	h.Write([]byte(series))
	return h.Sum64() + uint64(tier)
}

// write writes a chunk to a page.
func (p *pages) write(n int32, c *chunk, data []byte, owner uint64) error {
	var raw [pageSize]byte
	p.head(raw[:], c, len(data), owner)
	copy(raw[pageHead:], data)
	binary.LittleEndian.PutUint32(raw[:], crc32.Checksum(raw[4:], castagnoli))
	_, err := p.disk.WriteAt(p.file, raw[:], int64(n)*pageSize)
	return err
}

func (p *pages) head(raw []byte, c *chunk, size int, owner uint64) {
	order := binary.LittleEndian
	order.PutUint16(raw[4:], uint16(size))
	order.PutUint16(raw[6:], uint16(c.columns))
	order.PutUint32(raw[8:], uint32(c.rows))
	order.PutUint32(raw[12:], uint32(c.step))
	order.PutUint64(raw[16:], uint64(c.start))
	order.PutUint64(raw[24:], owner)
}

// read returns what a chunk is on its page.
func (p *pages) read(c *chunk, owner uint64) ([]byte, error) {
	var raw, want [pageSize]byte
	at := c.page
	if _, err := p.file.ReadAt(raw[:], int64(at)*pageSize); err != nil {
		return nil, fmt.Errorf("read page %d: %w", at, err)
	}
	size := int(binary.LittleEndian.Uint16(raw[4:]))
	p.head(want[:], c, size, owner)
	if string(raw[4:pageHead]) != string(want[4:pageHead]) || size > payload ||
		binary.LittleEndian.Uint32(raw[:]) != crc32.Checksum(raw[4:], castagnoli) {
		return nil, fmt.Errorf("page %d is damaged: %w", at, errdefs.ErrDataLoss)
	}
	return raw[pageHead : pageHead+size], nil
}
