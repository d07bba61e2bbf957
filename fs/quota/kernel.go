package quota

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is what a file system with project quotas does. Tests have one of their own.
type kernel interface {
	// attributes returns those of an open file.
	attributes(fd int) (attributes, error)
	// setAttributes changes them.
	setAttributes(fd int, a attributes) error
	// enforced tells whether the limits of projects count.
	enforced() (bool, error)
	// usage returns what a project takes, and may.
	usage(id uint32) (usage, error)
	// setLimit lets a project take so many bytes, 0 for any number.
	setLimit(id uint32, bytes int64) error
}

// attributes is struct fsxattr (linux/fs.h).
type attributes struct {
	Flags, ExtentSize, Extents, Project, CowExtentSize uint32
	_                                                  [8]byte
}

// usage is what a file system knows of a project; nothing of one that is free.
type usage struct{ bytes, inodes, limit int64 }

const (
	getAttributes = 0x801c581f // FS_IOC_FSGETXATTR
	setAttributes = 0x401c5820 // FS_IOC_FSSETXATTR
	inherit       = 0x200      // FS_XFLAG_PROJINHERIT: what is made in a folder belongs to its project
)

// The commands of xfs (linux/dqblk_xfs.h), which ext4 takes too.
const (
	getQuota = 'X'<<8 + 3 // Q_XGETQUOTA
	setQuota = 'X'<<8 + 4 // Q_XSETQLIM
	getState = 'X'<<8 + 5 // Q_XGETQSTAT
	projects = 2          // PRJQUOTA

	countsProjects = 1 << 4 // FS_QUOTA_PDQ_ACCT
	limitsProjects = 1 << 5 // FS_QUOTA_PDQ_ENFD

	ofProject = 2             // FS_PROJ_QUOTA
	blocks    = 1<<2 | 1<<3   // FS_DQ_BSOFT, FS_DQ_BHARD
	block     = int64(1 << 9) // bytes in the basic block of all numbers
)

// limits is struct fs_disk_quota.
type limits struct {
	Version                int8
	Flags                  int8
	Fields                 uint16
	ID                     uint32
	HardBlocks, SoftBlocks uint64
	HardInodes, SoftInodes uint64
	Blocks, Inodes         uint64
	_                      [56]byte // timers, warnings, the realtime part
}

// state is the beginning of struct fs_quota_stat.
type state struct {
	Version int8
	Flags   uint16
	_       [76]byte
}

// host is the kernel, about the file system of a folder.
type host struct{ root string }

func (host) attributes(fd int) (a attributes, err error) {
	return a, ioctl(fd, getAttributes, &a)
}

func (host) setAttributes(fd int, a attributes) error { return ioctl(fd, setAttributes, &a) }

func ioctl(fd int, request uintptr, a *attributes) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(a))); e != 0 {
		return e
	}
	return nil
}

func (h host) enforced() (bool, error) {
	var s state
	err := h.quotactl(getState, 0, unsafe.Pointer(&s))
	const both = countsProjects | limitsProjects
	return s.Flags&both == both, err
}

func (h host) usage(id uint32) (usage, error) {
	var l limits
	err := h.quotactl(getQuota, id, unsafe.Pointer(&l))
	if errors.Is(err, unix.ENOENT) { // what xfs has no record of
		return usage{}, nil
	}
	return usage{int64(l.Blocks) * block, int64(l.Inodes), int64(l.HardBlocks) * block}, err
}

func (h host) setLimit(id uint32, bytes int64) error {
	n := uint64((bytes + block - 1) / block)
	l := limits{Version: 1, Flags: ofProject, Fields: blocks, ID: id, HardBlocks: n, SoftBlocks: n}
	return h.quotactl(setQuota, id, unsafe.Pointer(&l))
}

// quotactl is quotactl_fd(2), or quotactl(2) before Linux 5.14.
func (h host) quotactl(cmd int, id uint32, data unsafe.Pointer) error {
	f, err := os.Open(h.root)
	if err != nil {
		return err
	}
	defer f.Close()
	op := uintptr(cmd<<8 | projects)
	_, _, e := unix.Syscall6(unix.SYS_QUOTACTL_FD, f.Fd(), op, uintptr(id), uintptr(data), 0, 0)
	if e == unix.ENOSYS {
		return h.byDevice(f, op, id, data)
	}
	if e != 0 {
		return fmt.Errorf("quotactl_fd: %w", e)
	}
	return nil
}

// byDevice calls quotactl(2), which wants the name of a block device. It gets a name that is gone afterwards, as nobody
// knows whether that of the mount is still the right one.
func (h host) byDevice(f *os.File, op uintptr, id uint32, data unsafe.Pointer) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(h.root, "check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "device")
	if err := unix.Mknod(name, unix.S_IFBLK|0o600, int(st.Dev)); err != nil {
		return fmt.Errorf("device of %s: %w", h.root, err)
	}
	device, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, e := unix.Syscall6(unix.SYS_QUOTACTL, op, uintptr(unsafe.Pointer(device)), uintptr(id), uintptr(data), 0, 0)
	if e != 0 {
		return fmt.Errorf("quotactl of %s: %w", h.root, e)
	}
	return nil
}
