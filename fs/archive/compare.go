package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs"
)

// Compare lists what the folder now has differently from the folder before, sorted by path: files by kind, mode,
// owner, size, time, device and capabilities, folders by mode and owner, as Docker does. A folder in which something
// changed is Modified. same may tell of a folder of now that nothing at or below it differs, if before has it with the
// same inode number; nil when nobody knows.
func Compare(ctx context.Context, before, now string, same func(*unix.Stat_t) bool) ([]fs.Change, error) {
	old, err := openRoot(before)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	defer old.Close()
	own, err := openRoot(now)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	defer own.Close()
	c := comparison{ctx: ctx, same: same}
	if err := c.folders(int(old.Fd()), int(own.Fd()), "/"); err != nil {
		return nil, fmt.Errorf("compare %s: %w", now, err)
	}
	SortChanges(c.changes)
	return c.changes, nil
}

// SortChanges sorts changes by path, a folder before its content.
func SortChanges(list []fs.Change) {
	slices.SortFunc(list, func(a, b fs.Change) int { return cmp.Compare(a.Path, b.Path) })
}

type comparison struct {
	ctx     context.Context
	same    func(*unix.Stat_t) bool
	exact   bool // see exactly (mirror.go)
	links   bool // with exact: a file that has more names than before differs
	changes []fs.Change
}

// folders compares two folders. old is -1 if there was none.
func (c *comparison) folders(old, own int, p string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	were, err := entriesOf(old)
	if err != nil {
		return err
	}
	are, err := entriesOf(own)
	if err != nil {
		return err
	}
	if c.exact {
		maps.DeleteFunc(are, isSocket)
	}
	for name := range were {
		if _, ok := are[name]; !ok {
			c.changes = append(c.changes, fs.Change{Path: path.Join(p, name), Kind: fs.Deleted})
		}
	}
	for name, st := range are {
		was, ok := were[name]
		if err := c.entry(old, own, name, path.Join(p, name), ok, &was, &st); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) entry(old, own int, name, p string, existed bool, was, is *unix.Stat_t) error {
	isFolder := is.Mode&unix.S_IFMT == unix.S_IFDIR
	begin := len(c.changes)
	if isFolder && existed && c.same != nil && was.Ino == is.Ino && c.same(is) {
		return nil
	}
	if isFolder {
		below, err := unix.Openat(own, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return nil // gone meanwhile
		}
		if err != nil {
			return err
		}
		defer unix.Close(below)
		oldBelow := -1
		if existed && was.Mode&unix.S_IFMT == unix.S_IFDIR {
			if oldBelow, err = unix.Openat(old, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC,
				0); err != nil {
				return err
			}
			defer unix.Close(oldBelow)
		}
		if err := c.folders(oldBelow, below, p); err != nil {
			return err
		}
	}
	switch {
	case !existed:
		c.changes = append(c.changes, fs.Change{Path: p, Kind: fs.Added})
	case len(c.changes) > begin && isFolder, Differs(was, is), !isFolder && !sameCapability(old, own, name),
		c.exact && c.exactly(old, own, name, was, is):
		c.changes = append(c.changes, fs.Change{Path: p, Kind: fs.Modified})
	}
	return nil
}

// entriesOf lists the entries of a folder. -1 is an empty folder.
func entriesOf(dir int) (map[string]unix.Stat_t, error) {
	all := map[string]unix.Stat_t{}
	if dir < 0 {
		return all, nil
	}
	fd, err := unix.Openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			all[name] = st
		}
	}
	return all, nil
}

// Differs tells whether an entry changed, by its metadata. Of folders only mode and owner count.
func Differs(was, is *unix.Stat_t) bool {
	if was.Mode != is.Mode || was.Uid != is.Uid || was.Gid != is.Gid || was.Rdev != is.Rdev {
		return true
	}
	return is.Mode&unix.S_IFMT != unix.S_IFDIR && (was.Size != is.Size || !sameTime(was.Mtim, is.Mtim))
}

// sameTime compares times. A time in whole seconds, as from a tar, equals any within that second.
func sameTime(a, b unix.Timespec) bool {
	return a.Sec == b.Sec && (a.Nsec == b.Nsec || a.Nsec == 0 || b.Nsec == 0)
}

func sameCapability(old, own int, name string) bool {
	var a, b [256]byte
	n, _ := unix.Lgetxattr(viaProc(folder{fd: old}, name), "security.capability", a[:])
	m, _ := unix.Lgetxattr(viaProc(folder{fd: own}, name), "security.capability", b[:])
	return bytes.Equal(a[:max(n, 0)], b[:max(m, 0)])
}

// MeasureChanges returns what the changed entries of the folder dir take, files with several names once.
func MeasureChanges(dir string, changes []fs.Change) (sum fs.Usage, err error) {
	root, err := openRoot(dir)
	if err != nil {
		return sum, fmt.Errorf("measure changes: %w", err)
	}
	defer root.Close()
	t := newTree(int(root.Fd()))
	defer t.flush()
	seen := map[[2]uint64]bool{}
	for _, c := range changes {
		if c.Kind == fs.Deleted {
			continue
		}
		t.trim()
		at, err := t.dir(path.Dir(strings.TrimPrefix(c.Path, "/")))
		if err != nil {
			continue // gone meanwhile
		}
		var st unix.Stat_t
		if unix.Fstatat(at.fd, path.Base(c.Path), &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		id := [2]uint64{st.Dev, st.Ino}
		if seen[id] {
			continue
		}
		seen[id] = true
		sum.Inodes++
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			sum.Bytes += st.Size
		}
	}
	return sum, nil
}

// PackChanges writes the changes of the folder dir as a layer tar: changed entries, and marks for deleted ones.
func (p *Packer) PackChanges(ctx context.Context, dir string, changes []fs.Change) error {
	root, err := openRoot(dir)
	if err != nil {
		return fmt.Errorf("pack changes: %w", err)
	}
	defer root.Close()
	t := newTree(int(root.Fd()))
	defer t.flush()
	for _, c := range changes {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := strings.TrimPrefix(c.Path, "/")
		if c.Kind == fs.Deleted {
			if err := p.Deleted(name); err != nil {
				return err
			}
			continue
		}
		t.trim()
		at, err := t.dir(path.Dir(name))
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			continue // gone meanwhile
		}
		if err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
		if err := p.Entry(at.fd, path.Base(name), name); err != nil {
			return err
		}
	}
	return nil
}
