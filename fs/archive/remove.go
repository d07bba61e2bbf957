package archive

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// remover deletes below a folder without following links.
type remover struct {
	// keep spares an entry (a folder is then gone through for what it does not spare); nil spares nothing.
	keep func(path string) bool
	// lost is asked before a file goes; its error ends the removal. May be nil.
	lost func(path string, st *unix.Stat_t) error
	disk *disk.Disk
}

// remove deletes the entry name of dir and what is below it. An entry that is missing is no error.
func (r remover) remove(dir folder, name string) error {
	p := path.Join(dir.path, name)
	var st unix.Stat_t
	err := unix.Fstatat(dir.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	kept := r.keep != nil && r.keep(p)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := r.empty(dir, name); err != nil || kept {
			return err
		}
		err := r.disk.UnlinkAt(dir.fd, name, unix.AT_REMOVEDIR)
		if errors.Is(err, unix.ENOTEMPTY) && r.keep != nil {
			return nil // something below was spared
		}
		return err
	}
	if kept {
		return nil
	}
	if r.lost != nil {
		if err := r.lost(p, &st); err != nil {
			return err
		}
	}
	return r.disk.UnlinkAt(dir.fd, name, 0)
}

// empty deletes what is in the folder name of dir.
func (r remover) empty(dir folder, name string) error {
	fd, err := unix.Openat(dir.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	below := folder{fd: fd, path: path.Join(dir.path, name)}
	for _, n := range names {
		if err := r.remove(below, n); err != nil {
			return err
		}
	}
	return nil
}
