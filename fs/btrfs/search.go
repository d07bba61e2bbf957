package btrfs

import (
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Numbers of trees, inodes and types of items (include/uapi/linux/btrfs_tree.h).
const (
	rootTree   = 1
	firstInode = 256 // the root of a subvolume

	inodeItem   = 1
	inodeRef    = 12
	inodeExtref = 13
	rootRef     = 156
)

// item is an item of a tree: its key, the transaction of the block that holds it, and its content.
type item struct {
	object  uint64
	kind    uint32
	offset  uint64
	content []byte
}

// key is a range of items. The three parts of a key compare as one number.
type key struct {
	tree                 uint64 // 0 for the subvolume of the folder
	minObject, maxObject uint64
	minKind, maxKind     uint32
	since                uint64 // only blocks written in this transaction or later
}

// search calls fn for the items in a range, in order, until it returns an error. The content of an item is valid
// until fn returns.
func search(dir *os.File, k key, fn func(item) error) error {
	const (
		room  = 256 << 10
		most  = ^uint64(0)
		head  = 32 // struct btrfs_ioctl_search_header
		count = 1 << 30
	)
	arg := make([]byte, searchHeader+room)
	object, kind, offset := k.minObject, k.minKind, uint64(0)
	for {
		clear(arg[:searchHeader])
		for i, v := range []uint64{k.tree, object, k.maxObject, offset, most, k.since, most} {
			order.PutUint64(arg[8*i:], v)
		}
		order.PutUint32(arg[56:], kind)
		order.PutUint32(arg[60:], k.maxKind)
		order.PutUint32(arg[64:], count)
		order.PutUint64(arg[104:], room)
		if err := call(dir, treeSearch, arg); err != nil {
			return err
		}
		n := order.Uint32(arg[64:])
		if n == 0 {
			return nil
		}
		at := searchHeader
		for range n {
			h := arg[at:]
			it := item{object: order.Uint64(h[8:]), offset: order.Uint64(h[16:]), kind: order.Uint32(h[24:])}
			size := int(order.Uint32(h[28:]))
			if at+head+size > len(arg) {
				return unix.EOVERFLOW
			}
			it.content = h[head : head+size]
			object, kind, offset = it.object, it.kind, it.offset
			if err := fn(it); err != nil {
				return err
			}
			at += head + size
		}
		if !next(&object, &kind, &offset) {
			return nil
		}
	}
}

// next makes a key the one after it.
func next(object *uint64, kind *uint32, offset *uint64) bool {
	if *offset++; *offset != 0 {
		return true
	}
	if *kind++; *kind <= 255 {
		return true
	}
	*kind = 0
	*object++
	return *object != 0
}

// below returns the subvolumes that are in one, each with the inode of its folder and its name.
func below(dir *os.File, id uint64) (list []nested, err error) {
	k := key{tree: rootTree, minObject: id, maxObject: id, minKind: rootRef, maxKind: rootRef}
	err = search(dir, k, func(it item) error {
		if it.kind != rootRef || len(it.content) < 18 {
			return nil
		}
		// struct btrfs_root_ref: dirid, sequence, the length of the name, and the name.
		list = append(list, nested{id: it.offset, folder: binary.LittleEndian.Uint64(it.content),
			name: string(it.content[18:])})
		return nil
	})
	return list, err
}

// nested is a subvolume in another.
type nested struct {
	id, folder uint64
	name       string
}

// maxChanged is how many changed inodes are looked up one by one; a comparison of all is no slower beyond.
const maxChanged = 20_000

var errMany = errors.New("too many changes")

// changedSince returns the inodes of a subvolume that were changed after a transaction.
func changedSince(dir *os.File, made uint64) (list []uint64, err error) {
	k := key{minObject: firstInode, maxObject: ^uint64(0) - 256, maxKind: 255, since: made + 1}
	err = search(dir, k, func(it item) error {
		// struct btrfs_inode_item: generation, transid.
		if it.kind != inodeItem || len(it.content) < 16 || binary.LittleEndian.Uint64(it.content[8:]) <= made {
			return nil
		}
		if list = append(list, it.object); len(list) > maxChanged {
			return errMany
		}
		return nil
	})
	return list, err
}

// foldersOf returns the folders in which an inode has names.
func foldersOf(dir *os.File, inode uint64) (list []uint64, err error) {
	k := key{minObject: inode, maxObject: inode, minKind: inodeRef, maxKind: inodeExtref}
	err = search(dir, k, func(it item) error {
		switch it.kind {
		case inodeRef:
			list = append(list, it.offset)
		case inodeExtref: // struct btrfs_inode_extref: the folder, ...; one or several of them in an item
			for c := it.content; len(c) >= 18; {
				list = append(list, binary.LittleEndian.Uint64(c))
				c = c[min(18+int(binary.LittleEndian.Uint16(c[16:])), len(c)):]
			}
		}
		return nil
	})
	return list, err
}
