package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// What marks deletions in the two kinds of folders that are stacked: overlay folders have devices and attributes, aufs
// branches have names.

// isWhiteout tells whether an entry of an overlay layer marks a deletion.
func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

// isOpaque tells whether an overlay folder hides what is below it.
func isOpaque(path string) bool {
	var v [2]byte
	n, err := unix.Getxattr(path, opaqueXattr, v[:])
	return err == nil && n == 1 && v[0] == 'y'
}

// isMark tells whether a name of an aufs branch is a mark, or one of the books of aufs.
func isMark(name string) bool { return strings.HasPrefix(name, whiteoutPrefix) }

// belowMark tells whether a path leads through a folder that has the name of a mark.
func belowMark(p string) bool {
	parts := strings.Split(p, "/")
	for _, part := range parts[:len(parts)-1] {
		if isMark(part) {
			return true
		}
	}
	return false
}

// exists tells whether a folder has a name.
func exists(dir int, name string) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
		return false, nil
	}
	return err == nil, err
}

// markDeleted marks a name of an aufs branch as deleted, unless the layer has something of its own there.
func (a *applier) markDeleted(dir folder, name string) error {
	var st unix.Stat_t
	err := unix.Fstatat(dir.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return a.mark(dir.fd, whiteoutPrefix+name)
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return a.setOpaque(dir, name)
	}
	return err // the layer's own file hides the one below as it is
}

// mark makes the empty file that is a mark of aufs.
func (a *applier) mark(dir int, name string) error {
	fd, err := a.disk.CreateAt(dir, name, 0o444)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make whiteout: %w", err)
	}
	return unix.Close(fd)
}

// setOpaqueByName marks a folder of an aufs branch.
func (a *applier) setOpaqueByName(dir folder, name string) error {
	fd, err := unix.Openat(dir.fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("mark folder opaque: %w", err)
	}
	defer unix.Close(fd)
	return a.mark(fd, opaqueName)
}

// unmark removes the mark of a name in an aufs branch, which would hide what the layer brings itself.
func (a *applier) unmark(dir folder, name string) (was bool, err error) {
	err = a.disk.UnlinkAt(dir.fd, whiteoutPrefix+name, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
		return false, nil
	}
	return err == nil, err
}

// besideMark makes an entry in an aufs branch. A folder in the place of a mark hides what the mark did.
func (a *applier) besideMark(dir folder, name string, hdr *tar.Header, content io.Reader, in *tap) error {
	was, err := a.unmark(dir, name)
	if err == nil {
		err = a.make(dir, name, hdr, content, in)
	}
	if err == nil && was && hdr.Typeflag == tar.TypeDir {
		err = a.setOpaque(dir, name)
	}
	return err
}

// madeOverMark does the same for a folder on the way to an entry.
func (a *applier) madeOverMark(dir folder, name string) error {
	was, err := a.unmark(dir, name)
	if err == nil && was {
		err = a.setOpaque(dir, name)
	}
	return err
}
