package btrfs

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The requests of include/uapi/linux/btrfs.h that are made here, put together as by _IOC of asm-generic/ioctl.h.
const (
	subvolCreate = write | volArgsSize<<16 | magic | 14
	snapDestroy  = write | volArgsSize<<16 | magic | 15
	treeSearch   = read | write | searchHeader<<16 | magic | 17
	inoLookup    = read | write | volArgsSize<<16 | magic | 18
	snapCreate   = write | volArgsSize<<16 | magic | 23 // SNAP_CREATE_V2
	quotaCtl     = read | write | 16<<16 | magic | 40
	qgroupCreate = write | 16<<16 | magic | 42
	qgroupLimit  = read | 48<<16 | magic | 43
	rescanWait   = magic | 46
	subvolInfo   = read | subvolInfoSize<<16 | magic | 60
	destroyByID  = write | volArgsSize<<16 | magic | 63 // SNAP_DESTROY_V2

	write = 1 << 30
	read  = 2 << 30
	magic = 0x94 << 8
)

// Sizes of structs and places in them.
const (
	volArgsSize    = 4096
	subvolInfoSize = 504
	searchHeader   = 112
	nameAt         = 56 // in struct btrfs_ioctl_vol_args_v2
	byID           = 1 << 4
)

// call makes a request on an open file. arg is nil if the request has none.
func call(f *os.File, req uintptr, arg []byte) error {
	p := unsafe.Pointer(unsafe.SliceData(arg))
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), req, uintptr(p))
	runtime.KeepAlive(f)
	if errno != 0 {
		return errno
	}
	return nil
}

var order = binary.NativeEndian

// volArgs is struct btrfs_ioctl_vol_args: a descriptor and a name in the folder that the request is made on.
func volArgs(name string) ([]byte, error) {
	arg := make([]byte, volArgsSize)
	if len(name) > volArgsSize-8-1 {
		return nil, unix.ENAMETOOLONG
	}
	copy(arg[8:], name)
	return arg, nil
}

// create makes an empty subvolume.
func create(dir *os.File, name string) error {
	arg, err := volArgs(name)
	if err != nil {
		return err
	}
	return call(dir, subvolCreate, arg)
}

// snapshot makes a writable snapshot of the subvolume from.
func snapshot(from, dir *os.File, name string) error {
	arg := make([]byte, volArgsSize)
	if len(name) > volArgsSize-nameAt-1 {
		return unix.ENAMETOOLONG
	}
	order.PutUint64(arg, uint64(from.Fd()))
	copy(arg[nameAt:], name)
	err := call(dir, snapCreate, arg)
	runtime.KeepAlive(from)
	return err
}

// destroy deletes the subvolume name, which has no other in it.
func destroy(dir *os.File, name string) error {
	arg, err := volArgs(name)
	if err != nil {
		return err
	}
	return call(dir, snapDestroy, arg)
}

// destroyID deletes a subvolume of the file system of dir wherever it is (Linux 5.7).
func destroyID(dir *os.File, id uint64) error {
	arg := make([]byte, volArgsSize)
	order.PutUint64(arg[16:], byID)
	order.PutUint64(arg[nameAt:], id)
	return call(dir, destroyByID, arg)
}

// idOf returns the number of the subvolume that dir is in.
func idOf(dir *os.File) (uint64, error) {
	arg := make([]byte, volArgsSize)
	order.PutUint64(arg[8:], firstInode)
	err := call(dir, inoLookup, arg)
	return order.Uint64(arg), err
}

// pathOf returns the path of a folder from the root of its subvolume, with a slash at its end.
func pathOf(dir *os.File, subvolume, inode uint64) (string, error) {
	arg := make([]byte, volArgsSize)
	order.PutUint64(arg, subvolume)
	order.PutUint64(arg[8:], inode)
	err := call(dir, inoLookup, arg)
	return unix.ByteSliceToString(arg[16:]), err
}

// info is what is read of struct btrfs_ioctl_get_subvol_info_args.
type info struct {
	uuid, parent [16]byte // parent is that of which this is a snapshot
	made         uint64   // the transaction in which it was made
}

// infoOf asks for a subvolume (Linux 4.18).
func infoOf(dir *os.File) (i info, err error) {
	arg := make([]byte, subvolInfoSize)
	if err := call(dir, subvolInfo, arg); err != nil {
		return i, err
	}
	// After treeid, name[256], parent_id, dirid, generation and flags.
	const at = 8 + 256 + 4*8
	copy(i.uuid[:], arg[at:])
	copy(i.parent[:], arg[at+16:])
	i.made = order.Uint64(arg[at+48+8:]) // after received_uuid and ctransid
	return i, nil
}

// enableQuota turns quotas on, where they are off, and waits until all is counted.
func enableQuota(dir *os.File) error {
	arg := make([]byte, 16)
	order.PutUint64(arg, 1) // BTRFS_QUOTA_CTL_ENABLE
	if err := call(dir, quotaCtl, arg); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return call(dir, rescanWait, nil)
}

// limit limits what the subvolume of dir refers to.
func limit(dir *os.File, bytes int64) error {
	arg := make([]byte, 48)
	order.PutUint64(arg[8:], 1) // BTRFS_QGROUP_LIMIT_MAX_RFER
	order.PutUint64(arg[16:], uint64(bytes))
	return call(dir, qgroupLimit, arg)
}

// dropQuota deletes the record of the quota of a subvolume that is gone.
func dropQuota(dir *os.File, id uint64) error {
	arg := make([]byte, 16)
	order.PutUint64(arg[8:], id)
	return call(dir, qgroupCreate, arg)
}
