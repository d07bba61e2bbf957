package outfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pending is a file that gets its name when it is complete. Until then it has no name, so nothing remains of it if the
// process is killed (O_TMPFILE); on file systems without that it has a name that starts with ".box-new-".
type Pending struct {
	*os.File
	dir  *os.File
	name string // "" if it has none
}

// Create makes a file in an open folder, which must stay open until Commit or Discard.
func Create(dir *os.File) (*Pending, error) {
	if p, err := unnamed(dir); err == nil {
		return p, nil
	}
	return named(dir) // it says what is wrong where no file can be
}

func unnamed(dir *os.File) (*Pending, error) {
	fd, err := unix.Openat(int(dir.Fd()), ".", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	p := &Pending{File: os.NewFile(uintptr(fd), dir.Name()), dir: dir}
	if err := unix.Access(p.link(), unix.F_OK); err != nil { // /proc is not mounted
		p.Close()
		return nil, err
	}
	return p, nil
}

func named(dir *os.File) (*Pending, error) {
	name := freshName()
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC,
		0o600)
	if err != nil {
		return nil, &os.PathError{Op: "make a file in", Path: dir.Name(), Err: err}
	}
	return &Pending{os.NewFile(uintptr(fd), dir.Name()), dir, name}, nil
}

func freshName() string { return ".box-new-" + rand.Text() }

// link returns a path of the open file.
func (p *Pending) link() string { return fmt.Sprintf("/proc/self/fd/%d", p.Fd()) }

// Commit closes the file and gives it a name in its folder, replacing a file of that name. If it fails, the file is
// discarded.
func (p *Pending) Commit(name string) error {
	err := p.commit(name)
	if err != nil {
		p.Discard()
		return &os.PathError{Op: "name a file in", Path: p.dir.Name(), Err: err}
	}
	p.name = ""
	return p.Close()
}

func (p *Pending) commit(name string) error {
	dir := int(p.dir.Fd())
	if p.name == "" {
		err := unix.Linkat(unix.AT_FDCWD, p.link(), dir, name, unix.AT_SYMLINK_FOLLOW)
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
		// No system call lets an unnamed file replace another, so it gets a temporary name first.
		fresh := freshName()
		if err := unix.Linkat(unix.AT_FDCWD, p.link(), dir, fresh, unix.AT_SYMLINK_FOLLOW); err != nil {
			return err
		}
		p.name = fresh
	}
	return unix.Renameat(dir, p.name, dir, name)
}

// Discard deletes the file; after Commit it does nothing.
func (p *Pending) Discard() {
	_ = p.Close()
	if p.name != "" {
		_ = unix.Unlinkat(int(p.dir.Fd()), p.name, 0)
		p.name = ""
	}
}
