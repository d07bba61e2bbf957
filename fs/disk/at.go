package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// CreateAt makes the file name in the open folder dir, which must be new, and opens it for writing.
func (d *Disk) CreateAt(dir int, name string, mode uint32) (fd int, err error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	if d.plain() {
		return unix.Openat(dir, name, flags, mode)
	}
	fd = -1
	err = d.Around(&Op{Kind: Create, Dir: dir, Path: name, Mode: mode}, func() error {
		fd, err = unix.Openat(dir, name, flags, mode)
		return err
	})
	if err != nil && fd >= 0 {
		unix.Close(fd)
		fd = -1
	}
	return fd, err
}

// WriteAll writes all of p to an open file, without the poller of os.File, which costs more than a small file does.
func (d *Disk) WriteAll(fd int, p []byte) (int, error) {
	if d.plain() {
		return writeAll(fd, p)
	}
	n, op := 0, Op{Kind: Write, FD: fd, Data: p, Off: -1}
	err := d.Around(&op, func() (err error) {
		n, err = writeAll(fd, op.Data)
		return err
	})
	return n, err
}

func writeAll(fd int, p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(fd, p[done:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// Truncate makes an open file size bytes long.
func (d *Disk) Truncate(fd int, size int64) error {
	return d.do(Op{Kind: Truncate, FD: fd, Size: size}, func() error { return unix.Ftruncate(fd, size) })
}

// MkdirAt is mkdirat(2).
func (d *Disk) MkdirAt(dir int, name string, mode uint32) error {
	return d.do(Op{Kind: Mkdir, Dir: dir, Path: name, Mode: mode}, func() error { return unix.Mkdirat(dir, name, mode) })
}

// SymlinkAt is symlinkat(2).
func (d *Disk) SymlinkAt(to string, dir int, name string) error {
	return d.do(Op{Kind: Symlink, Dir: dir, Path: name, To: to}, func() error { return unix.Symlinkat(to, dir, name) })
}

// LinkAt is linkat(2): name in dir becomes one more name of the file old in from.
func (d *Disk) LinkAt(from int, old string, dir int, name string) error {
	return d.do(Op{Kind: Link, ToDir: from, To: old, Dir: dir, Path: name},
		func() error { return unix.Linkat(from, old, dir, name, 0) })
}

// NodeAt is mknodat(2).
func (d *Disk) NodeAt(dir int, name string, mode uint32, dev int) error {
	return d.do(Op{Kind: Node, Dir: dir, Path: name, Mode: mode, Size: int64(dev)},
		func() error { return unix.Mknodat(dir, name, mode, dev) })
}

// UnlinkAt is unlinkat(2).
func (d *Disk) UnlinkAt(dir int, name string, flags int) error {
	return d.do(Op{Kind: Unlink, Dir: dir, Path: name}, func() error { return unix.Unlinkat(dir, name, flags) })
}

// WriteAt writes all of p to an open file at an offset.
func (d *Disk) WriteAt(f *os.File, p []byte, off int64) (n int, err error) {
	if d.plain() {
		return f.WriteAt(p, off)
	}
	op := Op{Kind: Write, FD: int(f.Fd()), Data: p, Off: off}
	err = d.Around(&op, func() (err error) {
		n, err = f.WriteAt(op.Data, off)
		return err
	})
	return n, failed("write", f.Name(), err)
}
