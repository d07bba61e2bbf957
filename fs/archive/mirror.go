package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/panics"
)

// Mirror makes the folder to what the folder from is: content, kinds, owners, modes, devices, times to the nanosecond,
// the extended attributes that archives have, and names of one file. Only what differs is written. Sockets are left
// out, since nobody listens any more. Then it reads what it wrote, and returns errdefs.ErrDataLoss if that is not the
// same. Nobody may change either folder meanwhile.
func Mirror(ctx context.Context, from, to string, d *disk.Disk) error {
	changes, err := exactly(ctx, to, from, true)
	if err != nil {
		return err
	}
	if err := deleteChanged(to, changes, d); err != nil {
		return fmt.Errorf("mirror %s: %w", from, err)
	}
	changes = slices.DeleteFunc(changes, func(c fs.Change) bool { return c.Kind == fs.Deleted })
	sent, err := copyChanged(ctx, from, to, changes, d)
	if err != nil {
		return fmt.Errorf("mirror %s: %w", from, err)
	}
	if err := mirrorFolder(from, to); err != nil {
		return fmt.Errorf("mirror %s: %w", from, err)
	}
	left, err := exactly(ctx, to, from, false)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("mirror %s: %s differs in %s: %w", from, left[0].Path, to, errdefs.ErrDataLoss)
	}
	sum := sha256.New()
	if err := packChanged(ctx, to, changes, sum); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), sent) {
		return fmt.Errorf("mirror %s: %s has other content: %w", from, to, errdefs.ErrDataLoss)
	}
	return nil
}

// exactly is Compare that finds every difference that Mirror mends; links says whether names of one file count.
func exactly(ctx context.Context, before, now string, links bool) ([]fs.Change, error) {
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
	c := comparison{ctx: ctx, exact: true, links: links}
	if err := c.folders(int(old.Fd()), int(own.Fd()), "/"); err != nil {
		return nil, fmt.Errorf("compare %s: %w", now, err)
	}
	SortChanges(c.changes)
	return c.changes, nil
}

// exactly tells whether entries differ that Differs finds equal.
func (c *comparison) exactly(old, own int, name string, was, is *unix.Stat_t) bool {
	kind := is.Mode & unix.S_IFMT
	switch {
	case was.Mtim != is.Mtim:
		return true
	case c.links && kind != unix.S_IFDIR && is.Nlink > 1 && is.Nlink != was.Nlink:
		return true
	case kind == unix.S_IFLNK:
		a, errA := readlink(old, name)
		b, errB := readlink(own, name)
		return a != b || errA != nil || errB != nil
	case kind != unix.S_IFDIR && kind != unix.S_IFREG:
		return false
	}
	return !sameAttributes(viaProc(folder{fd: old}, name), viaProc(folder{fd: own}, name))
}

// sameAttributes compares the extended attributes that archives have.
func sameAttributes(a, b string) bool {
	return bytes.Equal(attributesOf(a), attributesOf(b))
}

// attributesOf returns the extended attributes of a file, which is no link, as text that is the same for the same.
func attributesOf(path string) (text []byte) {
	list := make([]byte, 64<<10) // the most that the kernel has (XATTR_LIST_MAX)
	n, err := unix.Llistxattr(path, list)
	if err != nil || n == 0 {
		return nil
	}
	names := strings.Split(strings.TrimRight(string(list[:n]), "\x00"), "\x00")
	slices.Sort(names)
	value := make([]byte, 64<<10) // the most that the kernel has (XATTR_SIZE_MAX)
	for _, name := range names {
		if !keptAttribute(name) {
			continue
		}
		if n, err := unix.Lgetxattr(path, name, value); err == nil {
			text = fmt.Appendf(text, "%s=%x\n", name, value[:n])
		}
	}
	return text
}

func isSocket(_ string, st unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFSOCK }

// deleteChanged deletes below the folder to what the list says is deleted.
func deleteChanged(to string, changes []fs.Change, d *disk.Disk) error {
	root, err := openRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	t := newTree(int(root.Fd()))
	defer t.flush()
	for _, c := range changes {
		if c.Kind != fs.Deleted {
			continue
		}
		t.trim()
		p := strings.TrimPrefix(c.Path, "/")
		at, err := t.dir(path.Dir(p))
		if err == nil {
			err = (remover{disk: d}).remove(at, path.Base(p))
		}
		if err != nil {
			return fmt.Errorf("delete %s: %w", c.Path, err)
		}
	}
	return nil
}

// copyChanged copies changed entries, and returns the hash of the tar as which they went.
func copyChanged(ctx context.Context, from, to string, changes []fs.Change, d *disk.Disk) ([]byte, error) {
	dir, err := openRoot(to)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(panics.Call(func() error { return packChanged(ctx, from, changes, w) }))
	}()
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	err = Extract(ctx, &Root{fd: int(dir.Fd())}, "/", in, ExtractOptions{Disk: d})
	if err == nil {
		_, err = io.Copy(io.Discard, in)
	}
	r.Close()
	<-done
	return sum.Sum(nil), err
}

func packChanged(ctx context.Context, dir string, changes []fs.Change, w io.Writer) error {
	p := NewPacker(w, PackOptions{})
	if err := p.PackChanges(ctx, dir, changes); err != nil {
		return err
	}
	return p.Close()
}

// mirrorFolder gives the folder to the metadata of from. Owners and times that are not of a user's to give stay.
func mirrorFolder(from, to string) error {
	var st, is unix.Stat_t
	if err := errors.Join(unix.Stat(from, &st), unix.Stat(to, &is)); err != nil {
		return err
	}
	if st.Uid != is.Uid || st.Gid != is.Gid {
		if err := unix.Chown(to, int(st.Uid), int(st.Gid)); err != nil {
			return err
		}
	}
	if err := unix.Chmod(to, st.Mode&0o7777); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, to, []unix.Timespec{st.Mtim, st.Mtim}, 0)
}
