package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
	"box/fs/layers"
)

const opaqueXattr = "trusted.overlay.opaque"

// Diff implements fs.Differ. What a container writes meanwhile may be included or not.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	dir, err := unix.Open(d.diff(row), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	defer unix.Close(dir)
	p := archive.NewPacker(w, archive.PackOptions{Whiteouts: archive.Overlay, Seconds: true, UIDs: row.UIDs,
		GIDs: row.GIDs})
	if err := p.Content(ctx, dir); err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	return p.Close()
}

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	chain, err := d.table.Chain(name)
	if err != nil {
		return nil, err
	}
	w := walk{ctx: ctx}
	if err := w.start(d, chain); err != nil {
		return nil, fmt.Errorf("look at layer %s: %w", name, err)
	}
	archive.SortChanges(w.changes)
	return w.changes, nil
}

// walk walks through an upper folder and looks up everything in the folders below, as overlayfs does. It uses
// descriptors, so a program that changes the folder meanwhile cannot lead it elsewhere.
type walk struct {
	ctx     context.Context
	changes []fs.Change
}

func (w *walk) start(d *Driver, chain []layers.Row) error {
	var open []int
	defer func() { closeAll(open) }()
	for _, row := range chain {
		fd, err := unix.Open(d.diff(row), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		open = append(open, fd)
	}
	return w.folder(open[0], open[1:], "/", false)
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// folder compares a folder of the upper layer with those below it, top first. pure is set for an opaque folder: what is
// only below is deleted without a mark.
func (w *walk) folder(upper int, lowers []int, p string, pure bool) error {
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
	if !pure {
		return nil
	}
	return w.hidden(names, lowers, p)
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

// hidden reports what the folders below contain in addition to names.
func (w *walk) hidden(names []string, lowers []int, p string) error {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	for _, l := range lowers {
		more, err := namesIn(l)
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
				w.add(path.Join(p, name), fs.Deleted)
			}
		}
	}
	return nil
}

func (w *walk) entry(upper int, lowers []int, name, p string, pure bool) error {
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
			w.add(p, fs.Deleted)
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
		w.add(p, fs.Added)
	case len(w.changes) > begin || archive.Differs(was, &st):
		w.add(p, fs.Modified)
	}
	return nil
}

func (w *walk) add(p string, k fs.ChangeKind) {
	w.changes = append(w.changes, fs.Change{Path: p, Kind: k})
}

// lookup looks up name in merged folders, top first. It returns the entry or nil, and for a folder those that are
// merged under that name.
func lookup(lowers []int, name string) (found *unix.Stat_t, below []int, err error) {
	for _, l := range lowers {
		var st unix.Stat_t
		err := unix.Fstatat(l, name, &st, unix.AT_SYMLINK_NOFOLLOW)
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
		fd, err := unix.Openat(l, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, below, err
		}
		below = append(below, fd)
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
