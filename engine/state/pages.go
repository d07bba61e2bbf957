package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"runtime/debug"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Damage says why a state file cannot be used. Its class is errdefs.ErrDataLoss.
type Damage struct{ Path, What string }

// Error implements error.
func (d *Damage) Error() string { return fmt.Sprintf("state %s is damaged: %s", d.Path, d.What) }

// Unwrap returns the class.
func (d *Damage) Unwrap() error { return errdefs.ErrDataLoss }

// The format of bbolt's files, version 2: pages of equal size, the first two of which are heads; the valid head with
// the higher number of the change is used. Numbers have the byte order of the machine.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	pageHead    = 16 // id 8, flags 2, count 2, overflow 4
	element     = 16 // branch: pos 4, ksize 4, page 8; leaf: flags 4, pos 4, ksize 4, vsize 4
	metaSize    = 64 // magic 4, version 4, page size 4, flags 4, root 8, sequence 8, freelist 8, end 8, change 8, sum 8
	branchPage  = 0x01
	leafPage    = 0x02
	// A leaf element that is a bucket: its root's page 8, sequence 8, and the page itself when that is 0
	bucketValue = 0x01
	bucketHead  = 16
	maxDepth    = 32
)

// head is one of the first two pages.
type head struct {
	pageSize        int
	root, end, txid uint64
}

// readHead parses a head at the start of raw.
func readHead(raw []byte) (h head, ok bool) {
	if len(raw) < pageHead+metaSize {
		return h, false
	}
	m, order := raw[pageHead:pageHead+metaSize], binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(m[:56])
	ok = order.Uint32(m) == boltMagic && order.Uint32(m[4:]) == boltVersion && order.Uint64(m[56:]) == sum.Sum64()
	return head{int(order.Uint32(m[8:])), order.Uint64(m[16:]), order.Uint64(m[40:]), order.Uint64(m[48:])}, ok
}

// newestHead finds the head in use. It looks for the second one at all possible page sizes, since the first may be
// damaged.
func newestHead(data []byte) (best head, ok bool) {
	best, ok = readHead(data)
	for size := 1 << 10; size <= 1<<16 && size < len(data); size <<= 1 {
		if h, valid := readHead(data[size:]); valid && h.pageSize == size && (!ok || h.txid > best.txid) {
			best, ok = h, true
		}
	}
	return best, ok && best.pageSize >= 1<<10 && best.pageSize&(best.pageSize-1) == 0
}

// check checks every page that an open file uses, because bbolt does not, and ends the process at a damaged one. fresh
// is true for a file without content.
func check(f *os.File) (fresh bool, err error) {
	damage := func(format string, args ...any) error { return &Damage{f.Name(), fmt.Sprintf(format, args...)} }
	info, err := f.Stat()
	switch {
	case err != nil:
		return false, fmt.Errorf("look at state: %w", err)
	case !info.Mode().IsRegular():
		return false, damage("it is no regular file")
	case info.Size() == 0:
		return true, nil
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return false, fmt.Errorf("look at state %s: %w", f.Name(), err)
	}
	defer unix.Munmap(data)
	err = guarded(f.Name(), func() error {
		h, ok := newestHead(data)
		switch {
		case !ok && len(bytes.Trim(data, "\x00")) == 0:
			return damage("its %d bytes are all zero", len(data))
		case !ok:
			return damage("neither of its first two pages is the head of a state file")
		case h.end > uint64(len(data)/h.pageSize):
			return damage("it was cut: %d bytes are there, %d should be", len(data), h.end*uint64(h.pageSize))
		}
		w := walk{data: data, size: h.pageSize, end: h.end, seen: make([]bool, h.end)}
		if err := w.page(h.root, bounds{}, 0); err != nil {
			return damage("%v", err)
		}
		fresh = w.pairs == 0
		return nil
	})
	return fresh, err
}

// walk walks through the pages of a file.
type walk struct {
	data  []byte
	size  int
	end   uint64 // number of pages
	seen  []bool // pages
	pairs int
}

// bounds are the keys that a page may contain: from low on and below high; nil for no limit.
type bounds struct{ low, high []byte }

// page checks the page id and those below it.
func (w *walk) page(id uint64, keys bounds, depth int) error {
	if id < 2 || id >= w.end {
		return fmt.Errorf("there is no page %d, to which another leads", id)
	}
	at := int(id) * w.size
	over := uint64(binary.NativeEndian.Uint32(w.data[at+12:]))
	switch {
	case w.seen[id]:
		return fmt.Errorf("two pages lead to page %d", id)
	case depth > maxDepth:
		return fmt.Errorf("page %d is too deep", id)
	case binary.NativeEndian.Uint64(w.data[at:]) != id:
		return fmt.Errorf("page %d has other content", id)
	case over >= w.end-id:
		return fmt.Errorf("page %d goes on for %d pages, beyond the end", id, over)
	}
	for i := range over + 1 {
		w.seen[id+i] = true
	}
	return w.elements(w.data[at:at+int(over+1)*w.size], fmt.Sprintf("page %d", id), keys, depth)
}

// elements checks the content of a page, which may be inside of another one.
func (w *walk) elements(p []byte, name string, keys bounds, depth int) error {
	order := binary.NativeEndian
	if len(p) < pageHead {
		return fmt.Errorf("%s is cut", name)
	}
	flags, count := order.Uint16(p[8:]), int(order.Uint16(p[10:]))
	if flags != branchPage && flags != leafPage || pageHead+count*element > len(p) {
		return fmt.Errorf("%s has other content", name)
	}
	before, first := keys.low, true
	var kids []kid
	for n := range count {
		k, v, tag, ok := entry(p, n, flags)
		switch {
		case !ok:
			return fmt.Errorf("entry %d of %s is beyond its end", n, name)
		case bytes.Compare(before, k) > 0 || !first && bytes.Equal(before, k) ||
			keys.high != nil && bytes.Compare(k, keys.high) >= 0:
			return fmt.Errorf("entry %d of %s is out of order", n, name)
		}
		before, first = k, false
		w.pairs++
		if flags == branchPage {
			kids = append(kids, kid{tag, k})
		} else if tag&bucketValue != 0 {
			if err := w.bucket(k, v, depth); err != nil {
				return err
			}
		}
	}
	for n, c := range kids {
		within := bounds{c.key, keys.high}
		if n+1 < len(kids) {
			within.high = kids[n+1].key
		}
		if err := w.page(c.page, within, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// kid is a child page with the first key that it may contain.
type kid struct {
	page uint64
	key  []byte
}

// entry returns entry n of a page. In a branch tag is the child page, in a leaf the flags.
func entry(p []byte, n int, flags uint16) (key, value []byte, tag uint64, ok bool) {
	at, order := pageHead+n*element, binary.NativeEndian
	e := p[at : at+element]
	pos, size, rest := uint64(order.Uint32(e)), uint64(order.Uint32(e[4:])), uint64(0)
	tag = order.Uint64(e[8:])
	if flags == leafPage {
		pos, size, rest = uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		tag = uint64(order.Uint32(e))
	}
	begin := uint64(at) + pos
	if size == 0 && flags == leafPage || begin+size+rest > uint64(len(p)) {
		return nil, nil, 0, false
	}
	return p[begin : begin+size], p[begin+size : begin+size+rest], tag, true
}

// bucket checks a table.
func (w *walk) bucket(name, v []byte, depth int) error {
	if len(v) < bucketHead {
		return fmt.Errorf("table %q is cut", name)
	}
	if root := binary.NativeEndian.Uint64(v); root != 0 {
		return w.page(root, bounds{}, depth+1)
	}
	return w.elements(v[bucketHead:], fmt.Sprintf("table %q", name), bounds{}, depth)
}

// guarded runs fn, which reads the mapped file. A panic of bbolt, or the fault of an unreadable page, becomes an error.
func guarded(path string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &Damage{path, fmt.Sprint(p)}
		}
	}()
	return fn()
}
