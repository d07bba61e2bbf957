package inroot

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxLinks = 40      // as the kernel (path_resolution(7))
	maxSteps = 1 << 16 // which no path takes that was not made for it
)

// walk walks along a path part by part, and reads links itself. It never opens "..". Instead it starts again at the
// root with the remaining parts, so it cannot leave a folder upwards even if that is moved meanwhile.
type walk struct {
	root, fd int
	done     []string // the parts from root to fd
	rest     []string // the parts to come
	beneath  bool     // nothing may lead to the root or above it
	links    int
}

// walkTo opens a path before Linux 5.6.
func walkTo(root int, p string, flags int, beneath bool) (int, error) {
	switch {
	case len(p) >= unix.PathMax:
		return -1, unix.ENAMETOOLONG
	case p == "":
		return -1, unix.ENOENT
	case beneath && p[0] == '/':
		return -1, unix.EXDEV
	}
	w := walk{root: root, fd: root, rest: strings.Split(p, "/"), beneath: beneath}
	defer func() { w.enter(root) }()
	for range maxSteps {
		if len(w.rest) == 0 {
			return unix.Openat(w.fd, ".", flags|unix.O_CLOEXEC, 0)
		}
		name := w.rest[0]
		w.rest = w.rest[1:]
		if len(w.rest) > 0 || name == "" || name == "." || name == ".." {
			if err := w.step(name); err != nil {
				return -1, err
			}
		} else if fd, err := w.last(name, flags); err != nil || fd >= 0 {
			return fd, err
		}
	}
	return -1, unix.ELOOP
}

// enter makes fd the current folder.
func (w *walk) enter(fd int) {
	if w.fd != w.root {
		unix.Close(w.fd)
	}
	w.fd = fd
}

// restart returns to the root, with parts to walk before the rest.
func (w *walk) restart(parts []string) {
	w.enter(w.root)
	w.rest = append(parts, w.rest...)
	w.done = nil
}

func (w *walk) step(name string) error {
	switch name {
	case "", ".", "..": // in a folder alone
		fd, err := unix.Openat(w.fd, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		unix.Close(fd)
		if name == ".." {
			return w.up()
		}
		return nil
	}
	fd, kind, err := w.look(name)
	if err != nil {
		return err
	}
	if kind == unix.S_IFLNK {
		defer unix.Close(fd)
		return w.follow(fd)
	}
	w.enter(fd)
	w.done = append(w.done, name)
	return nil
}

func (w *walk) up() error {
	switch {
	case len(w.done) > 0:
		w.restart(w.done[:len(w.done)-1])
	case w.beneath:
		return unix.EXDEV
	}
	return nil
}

// look opens a part without following it, and returns its type.
func (w *walk) look(name string) (fd int, kind uint32, err error) {
	fd, err = unix.Openat(w.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, 0, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, 0, err
	}
	return fd, st.Mode & unix.S_IFMT, nil
}

// last opens the last part. It returns -1 without an error if that is a link, and the walk goes on.
func (w *walk) last(name string, flags int) (int, error) {
	if flags&unix.O_NOFOLLOW != 0 {
		return unix.Openat(w.fd, name, flags|unix.O_CLOEXEC, 0)
	}
	fd, kind, err := w.look(name)
	if err != nil {
		return -1, err
	}
	if flags&unix.O_PATH != 0 && (kind == unix.S_IFDIR || kind != unix.S_IFLNK && flags&unix.O_DIRECTORY == 0) {
		return fd, nil
	}
	defer unix.Close(fd)
	if kind == unix.S_IFLNK {
		return -1, w.follow(fd)
	}
	again, err := unix.Openat(w.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) { // it has become a link
		w.rest = []string{name}
		return -1, nil
	}
	return again, err
}

// follow replaces a link by its target.
func (w *walk) follow(link int) error {
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(link, "", buf)
	if err != nil {
		return err
	}
	target := string(buf[:n])
	switch {
	case target == "":
		return unix.ENOENT
	case magic(link, target):
		return unix.ELOOP
	case target[0] != '/':
		w.rest = append(strings.Split(target, "/"), w.rest...)
		return nil
	case w.beneath:
		return unix.EXDEV
	}
	w.restart(strings.Split(target, "/"))
	return nil
}

// magic tells whether a link is one of those in /proc that lead somewhere by themselves, whatever they say: all but
// those that say where /proc/self is, and those through it.
func magic(link int, target string) bool {
	var st unix.Statfs_t
	if unix.Fstatfs(link, &st) != nil {
		return true
	}
	return st.Type == unix.PROC_SUPER_MAGIC && !strings.HasPrefix(target, "self/") && (target[0] < '0' || target[0] > '9')
}
