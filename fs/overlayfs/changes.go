package overlayfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

const opaqueXattr = "trusted.overlay.opaque"

// Upper is a folder that overlayfs writes to, and those below it.
type Upper struct {
	Dir    string
	Lowers []string // top first
	// Copied says that Dir began as a copy of the first of Lowers: what is only there was deleted without a mark.
	Copied bool
}

// Changes lists what an upper folder changes, sorted by path, and measures what it adds. It walks through it and looks
// up everything in the folders below, as overlayfs does, by descriptors, so a program that changes the folder meanwhile
// cannot lead it elsewhere.
func (u Upper) Changes(ctx context.Context) ([]fs.Change, fs.Usage, error) {
	w := walk{ctx: ctx, seen: map[[2]uint64]bool{}}
	if err := w.start(u); err != nil {
		return nil, fs.Usage{}, err
	}
	archive.SortChanges(w.changes)
	return w.changes, w.sum, nil
}

// walk is one run of Changes.
type walk struct {
	ctx     context.Context
	changes []fs.Change
	sum     fs.Usage
	seen    map[[2]uint64]bool // device and inode of files with several names
}

// lower is an open folder below the upper one.
type lower struct {
	fd     int
	copied bool // the upper one began as its copy
}

func (w *walk) start(u Upper) error {
	upper, err := unix.Open(u.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(upper)
	var open []lower
	defer func() { closeAll(open) }()
	for i, dir := range u.Lowers {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		open = append(open, lower{fd, u.Copied && i == 0})
	}
	return w.folder(upper, open, "/", false)
}

func closeAll(list []lower) {
	for _, l := range list {
		unix.Close(l.fd)
	}
}

// folder compares a folder of the upper layer with those below it, top first. pure is set for an opaque folder: what is
// only below is deleted without a mark.
func (w *walk) folder(upper int, lowers []lower, p string, pure bool) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	names, err := namesIn(upper)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := w.entry(upper, lowers, name, path.Join(p, name), pure); err != nil {
			return err
		}
	}
	switch {
	case pure:
		return w.hidden(names, lowers, lowers, p)
	case len(lowers) > 0 && lowers[0].copied:
		return w.hidden(names, lowers[:1], lowers, p)
	}
	return nil
}

func namesIn(dir int) ([]string, error) {
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

// hidden reports what some of the folders below contain in addition to names.
func (w *walk) hidden(names []string, some, lowers []lower, p string) error {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for _, l := range some {
		more, err := namesIn(l.fd)
		if err != nil {
			return err
		}
		for _, name := range more {
			if seen[name] {
				continue
			}
			seen[name] = true
			was, below, err := lookup(lowers, name)
			closeAll(below)
			if err != nil {
				return err
			}
			if was != nil {
				w.deleted(path.Join(p, name))
			}
		}
	}
	return nil
}

func (w *walk) entry(upper int, lowers []lower, name, p string, pure bool) error {
	var st unix.Stat_t
	if err := unix.Fstatat(upper, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil // gone meanwhile
	}
	was, below, err := lookup(lowers, name)
	defer closeAll(below)
	if err != nil {
		return err
	}
	if isWhiteout(&st) {
		if was != nil {
			w.deleted(p)
		}
		return nil
	}
	begin := len(w.changes)
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		dir, err := unix.Openat(upper, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil // gone meanwhile
		}
		defer unix.Close(dir)
		if err := w.folder(dir, below, p, pure || isOpaque(dir)); err != nil {
			return err
		}
	}
	switch {
	case was == nil:
		w.add(p, fs.Added, &st)
	case len(w.changes) > begin || archive.Differs(was, &st):
		w.add(p, fs.Modified, &st)
	}
	return nil
}

func (w *walk) deleted(p string) { w.changes = append(w.changes, fs.Change{Path: p, Kind: fs.Deleted}) }

func (w *walk) add(p string, k fs.ChangeKind, st *unix.Stat_t) {
	w.changes = append(w.changes, fs.Change{Path: p, Kind: k})
	folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if !folder && st.Nlink > 1 {
		id := [2]uint64{st.Dev, st.Ino}
		if w.seen[id] {
			return
		}
		w.seen[id] = true
	}
	w.sum.Inodes++
	if !folder {
		w.sum.Bytes += st.Size
	}
}

// lookup looks up name in merged folders, top first. It returns the entry or nil, and for a folder those that are
// merged under that name.
func lookup(lowers []lower, name string) (found *unix.Stat_t, below []lower, err error) {
	for _, l := range lowers {
		var st unix.Stat_t
		err := unix.Fstatat(l.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, below, err
		}
		isFolder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if isWhiteout(&st) || !isFolder && found != nil {
			break // hides what is further down
		}
		if found == nil {
			found = &st
		}
		if !isFolder {
			break
		}
		fd, err := unix.Openat(l.fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, below, err
		}
		below = append(below, lower{fd, l.copied})
		if isOpaque(fd) {
			break
		}
	}
	return found, below, nil
}

func isWhiteout(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0 }

func isOpaque(fd int) bool {
	var v [2]byte
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), opaqueXattr, v[:])
	return err == nil && n == 1 && v[0] == 'y'
}
