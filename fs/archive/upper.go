package archive

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs"
)

// Upper is the top one of stacked folders, which takes what is written, and those below it.
type Upper struct {
	Dir    string
	Lowers []string // top first
	// Copied says that Dir began as a copy of the first of Lowers: what is only there was deleted without a mark.
	Copied    bool
	Whiteouts Whiteouts // Overlay or Aufs
}

// Changes lists what an upper folder changes, sorted by path, and measures what it adds. It walks through it and looks
// up everything in the folders below, as the kernel does, by descriptors, so a program that changes the folder
// meanwhile cannot lead it elsewhere.
func (u Upper) Changes(ctx context.Context) ([]fs.Change, fs.Usage, error) {
	w := walk{ctx: ctx, marks: u.Whiteouts, seen: map[[2]uint64]bool{}}
	if err := w.start(u); err != nil {
		return nil, fs.Usage{}, err
	}
	SortChanges(w.changes)
	return w.changes, w.sum, nil
}

// walk is one run of Changes.
type walk struct {
	ctx     context.Context
	marks   Whiteouts
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
			if seen[name] || w.marks == Aufs && isMark(name) {
				continue
			}
			seen[name] = true
			was, below, err := w.lookup(lowers, name)
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
	if w.marks == Aufs && isMark(name) {
		return w.mark(lowers, name, path.Dir(p))
	}
	var st unix.Stat_t
	if err := unix.Fstatat(upper, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil // gone meanwhile
	}
	was, below, err := w.lookup(lowers, name)
	defer closeAll(below)
	if err != nil {
		return err
	}
	if w.marks == Overlay && isWhiteout(&st) {
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
		if err := w.folder(dir, below, p, pure || w.opaque(dir)); err != nil {
			return err
		}
	}
	switch {
	case was == nil:
		w.add(p, fs.Added, &st)
	case len(w.changes) > begin || Differs(was, &st):
		w.add(p, fs.Modified, &st)
	}
	return nil
}

// mark reports what a mark of aufs deletes.
func (w *walk) mark(lowers []lower, name, in string) error {
	name = strings.TrimPrefix(name, whiteoutPrefix)
	if isMark(name) {
		return nil // of a folder, or one of the books of aufs
	}
	was, below, err := w.lookup(lowers, name)
	closeAll(below)
	if err == nil && was != nil {
		w.deleted(path.Join(in, name))
	}
	return err
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
func (w *walk) lookup(lowers []lower, name string) (found *unix.Stat_t, below []lower, err error) {
	for _, l := range lowers {
		if w.marks == Aufs {
			if hides, err := exists(l.fd, whiteoutPrefix+name); hides || err != nil {
				return found, below, err
			}
		}
		var st unix.Stat_t
		err := unix.Fstatat(l.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, below, err
		}
		isFolder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if w.marks == Overlay && isWhiteout(&st) || !isFolder && found != nil {
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
		if w.opaque(fd) {
			break
		}
	}
	return found, below, nil
}

// opaque tells whether an open folder hides what is below it.
func (w *walk) opaque(fd int) bool {
	if w.marks == Aufs {
		is, err := exists(fd, opaqueName)
		return is && err == nil
	}
	return isOpaque(procPath(fd))
}
