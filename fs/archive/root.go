package archive

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/inroot"
)

// Root is a folder in which paths are resolved as by a process whose root it is. Neither ".." nor a link leads out,
// nor a program that changes links meanwhile (fs/inroot).
type Root struct{ fd int }

// NewRoot makes a root of an open folder and takes over its descriptor.
func NewRoot(fd int) *Root { return &Root{fd} }

// Close closes the folder.
func (r *Root) Close() error { return unix.Close(r.fd) }

// Open opens p with the flags of open(2). A last link is followed unless they have O_NOFOLLOW, or p ends in a slash.
func (r *Root) Open(p string, flags int) (int, error) {
	return inroot.Open(r.fd, p, flags)
}

// Follow returns where p leads when all links are followed, as far as it exists.
func (r *Root) Follow(p string) (string, error) {
	done, rest := "/", strings.Split(p, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, name)
		target, err := r.readlink(next)
		switch {
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			done = next // no link
			continue
		case err != nil:
			return "", err
		}
		if links++; links > maxSymlinks {
			return "", unix.ELOOP
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}

// readlink returns unix.EINVAL if there is no link.
func (r *Root) readlink(p string) (string, error) {
	fd, err := r.Open(p, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	target, err := readlink(fd, "")
	if errors.Is(err, unix.ENOENT) {
		return "", unix.EINVAL // readlinkat(2) with an empty name says so of what is no link
	}
	return target, err
}

// MkdirAll opens the folder p and makes missing folders on the way.
func (r *Root) MkdirAll(p string) (int, error) {
	fd, err := r.Open(p, unix.O_PATH|unix.O_DIRECTORY)
	if !errors.Is(err, unix.ENOENT) {
		return fd, err
	}
	above, err := r.MkdirAll(path.Dir(path.Clean("/" + p)))
	if err != nil {
		return -1, err
	}
	defer unix.Close(above)
	if err := unix.Mkdirat(above, path.Base(p), 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	return r.Open(p, unix.O_PATH|unix.O_DIRECTORY)
}

// ModeOf converts st_mode to os.FileMode.
func ModeOf(st *unix.Stat_t) os.FileMode {
	mode := os.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= os.ModeDir
	case unix.S_IFLNK:
		mode |= os.ModeSymlink
	case unix.S_IFIFO:
		mode |= os.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= os.ModeSocket
	case unix.S_IFBLK:
		mode |= os.ModeDevice
	case unix.S_IFCHR:
		mode |= os.ModeDevice | os.ModeCharDevice
	}
	for _, b := range []struct {
		bit  uint32
		mode os.FileMode
	}{{unix.S_ISUID, os.ModeSetuid}, {unix.S_ISGID, os.ModeSetgid}, {unix.S_ISVTX, os.ModeSticky}} {
		if st.Mode&b.bit != 0 {
			mode |= b.mode
		}
	}
	return mode
}

// procPath returns a path to what a descriptor refers to, for calls that do not accept a descriptor. It is a magic
// link, which nobody can replace.
func procPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
