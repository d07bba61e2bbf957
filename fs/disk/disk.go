// Package disk has the calls with which box changes what it keeps on disk. Tests can intercept them, to make one fail
// or to record them.
package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Kind is the kind of an operation.
type Kind string

// The kinds of operations.
const (
	Create   Kind = "create" // a file, or an empty one in place of one that is there
	Write    Kind = "write"
	Truncate Kind = "truncate"
	Mkdir    Kind = "mkdir"
	Symlink  Kind = "symlink"
	Link     Kind = "link"
	Node     Kind = "mknod"
	Rename   Kind = "rename"
	Unlink   Kind = "unlink" // a file or an empty folder
	Sync     Kind = "fsync"  // a file, or the names in a folder
	SyncAll  Kind = "syncfs"
	Special  Kind = "ioctl" // what only some file systems have
)

// Op is an operation about to be done. Its kind decides which fields are set.
type Op struct {
	Kind  Kind
	Dir   int    // folder that Path is relative to; unix.AT_FDCWD
	Path  string // "" where FD says which file
	ToDir int    // that To of a link is relative to
	To    string // new name of a rename; what a link leads to
	FD    int    // open file that is written to or synced
	Data  []byte // of a write; what is taken from its end is not written
	Off   int64  // where a write goes, -1 for where the file is
	Size  int64
	Mode  uint32
}

// Disk does changes. A nil Disk calls the kernel.
type Disk struct {
	// Around is called for each operation instead of doing it. do does the operation, once.
	Around func(op *Op, do func() error) error
}

func (d *Disk) plain() bool { return d == nil || d.Around == nil }

func (d *Disk) do(op Op, fn func() error) error {
	if d.plain() {
		return fn()
	}
	return d.Around(&op, fn)
}

func failed(op, path string, err error) error {
	var known *os.PathError
	if err == nil || errors.As(err, &known) || errors.As(err, new(*os.LinkError)) {
		return err
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

// Create opens a file for writing that is made where it is missing and emptied else; with unix.O_EXCL in flags it
// must be new.
func (d *Disk) Create(path string, flags int, mode os.FileMode) (f *os.File, err error) {
	err = d.do(Op{Kind: Create, Dir: unix.AT_FDCWD, Path: path, Mode: uint32(mode)}, func() error {
		f, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flags, mode)
		return err
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, failed("open", path, err)
	}
	return f, nil
}

// CreateTemp is os.CreateTemp.
func (d *Disk) CreateTemp(dir, pattern string) (f *os.File, err error) {
	if d.plain() {
		return os.CreateTemp(dir, pattern)
	}
	f, err = os.CreateTemp(dir, pattern) // done before it is told, since its name is not known else
	if err != nil {
		return nil, err
	}
	if err := d.Around(&Op{Kind: Create, Dir: unix.AT_FDCWD, Path: f.Name(), Mode: 0o600},
		func() error { return nil }); err != nil {
		return nil, errors.Join(failed("open", f.Name(), err), f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// Writer writes to an open file.
func (d *Disk) Writer(f *os.File) io.Writer {
	if d.plain() {
		return f
	}
	return writer{d, f}
}

type writer struct {
	d *Disk
	f *os.File
}

// Write implements io.Writer.
func (w writer) Write(p []byte) (n int, err error) {
	op := Op{Kind: Write, FD: int(w.f.Fd()), Data: p, Off: -1}
	err = w.d.Around(&op, func() error {
		n, err = w.f.Write(op.Data)
		return err
	})
	return n, failed("write", w.f.Name(), err)
}

// WriteFile is os.WriteFile.
func (d *Disk) WriteFile(path string, data []byte, mode os.FileMode) error {
	if d.plain() {
		return os.WriteFile(path, data, mode)
	}
	f, err := d.Create(path, os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = d.Writer(f).Write(data)
	return errors.Join(err, f.Close())
}

// Replace puts data into the file path by a rename, so that who reads it finds the old or the new. Nothing is synced:
// after the power went it may be the old, or empty.
func (d *Disk) Replace(path string, data []byte, mode os.FileMode) error {
	beside := path + ".new"
	err := d.WriteFile(beside, data, mode)
	if err == nil {
		err = d.Rename(beside, path)
	}
	if err != nil {
		os.Remove(beside)
	}
	return err
}

// Rename is os.Rename.
func (d *Disk) Rename(from, to string) error {
	err := d.do(Op{Kind: Rename, Dir: unix.AT_FDCWD, Path: from, ToDir: unix.AT_FDCWD, To: to},
		func() error { return os.Rename(from, to) })
	return failed("rename", from, err)
}

// Remove is os.Remove.
func (d *Disk) Remove(path string) error {
	err := d.do(Op{Kind: Unlink, Dir: unix.AT_FDCWD, Path: path}, func() error { return os.Remove(path) })
	return failed("remove", path, err)
}

// RemoveAll is os.RemoveAll.
func (d *Disk) RemoveAll(path string) error {
	if d.plain() {
		return os.RemoveAll(path)
	}
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		var entries []os.DirEntry
		if entries, err = os.ReadDir(path); err != nil {
			return err
		}
		for _, e := range entries {
			if err := d.RemoveAll(filepath.Join(path, e.Name())); err != nil {
				return err
			}
		}
	}
	if err = d.Remove(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Mkdir is os.Mkdir.
func (d *Disk) Mkdir(path string, mode os.FileMode) error {
	err := d.do(Op{Kind: Mkdir, Dir: unix.AT_FDCWD, Path: path, Mode: uint32(mode)},
		func() error { return os.Mkdir(path, mode) })
	return failed("mkdir", path, err)
}

// MkdirAll is os.MkdirAll.
func (d *Disk) MkdirAll(path string, mode os.FileMode) error {
	if d.plain() {
		return os.MkdirAll(path, mode)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	if err := d.MkdirAll(filepath.Dir(path), mode); err != nil {
		return err
	}
	if err := d.Mkdir(path, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// Symlink is os.Symlink.
func (d *Disk) Symlink(to, path string) error {
	err := d.do(Op{Kind: Symlink, Dir: unix.AT_FDCWD, Path: path, To: to}, func() error { return os.Symlink(to, path) })
	return failed("symlink", path, err)
}

// Link is os.Link: path becomes one more name of the file old.
func (d *Disk) Link(old, path string) error {
	op := Op{Kind: Link, ToDir: unix.AT_FDCWD, To: old, Dir: unix.AT_FDCWD, Path: path}
	return failed("link", path, d.do(op, func() error { return os.Link(old, path) }))
}

// Sync makes what was written to a file durable, or the names in a folder.
func (d *Disk) Sync(f *os.File) error {
	return failed("fsync", f.Name(), d.do(Op{Kind: Sync, FD: int(f.Fd())}, f.Sync))
}

// SyncFolder makes the names in a folder durable.
func (d *Disk) SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(f), f.Close())
}

// SyncAll writes out the file system of an open file; the error is that of any write since the file was opened.
func (d *Disk) SyncAll(f *os.File) error {
	return d.do(Op{Kind: SyncAll, FD: int(f.Fd())}, func() error { return unix.Syncfs(int(f.Fd())) })
}

// Clone lets a new file share the content of another, where the file system can. What stands between sees no content
// then, so it is never done there.
func (d *Disk) Clone(to, from *os.File) error {
	if !d.plain() {
		return unix.EOPNOTSUPP
	}
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
}

// Special makes a change at path that only some file systems can, such as a snapshot.
func (d *Disk) Special(path string, do func() error) error {
	return d.do(Op{Kind: Special, Dir: unix.AT_FDCWD, Path: path}, do)
}
