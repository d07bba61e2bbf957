package vfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// copyTree makes the folder dst a copy of src: owners, modes, times, attributes, devices, holes and hard links included.
// A user who is not root gets what that user may make. Nobody else writes to either meanwhile.
func copyTree(ctx context.Context, src, dst string) error {
	c := copier{names: map[[2]uint64]string{}, user: os.Geteuid() != 0}
	if err := c.entry(ctx, src, dst); err != nil {
		return fmt.Errorf("copy layer: %w", err)
	}
	return nil
}

type copier struct {
	names map[[2]uint64]string // device and inode -> the copy of a file with several names
	user  bool
}

func (c *copier) entry(ctx context.Context, src, dst string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(src, &st); err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFDIR && st.Nlink > 1 {
		id := [2]uint64{st.Dev, st.Ino}
		if first, ok := c.names[id]; ok {
			return os.Link(first, dst)
		}
		c.names[id] = dst
	}
	if err := c.make(ctx, src, dst, &st); err != nil {
		return err
	}
	if kind == unix.S_IFSOCK {
		return nil
	}
	return c.dress(src, dst, &st)
}

func (c *copier) make(ctx context.Context, src, dst string, st *unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.folder(ctx, src, dst)
	case unix.S_IFREG:
		return copyFile(src, dst)
	case unix.S_IFLNK:
		target, err := os.Readlink(src)
		if err != nil {
			return err
		}
		return os.Symlink(target, dst)
	case unix.S_IFSOCK:
		return nil // means nothing without the process that made it
	}
	err := unix.Mknod(dst, st.Mode&unix.S_IFMT|0o600, int(st.Rdev))
	if err != nil {
		return fmt.Errorf("make %s: %w", dst, err)
	}
	return nil
}

func (c *copier) folder(ctx context.Context, src, dst string) error {
	if err := os.Mkdir(dst, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.entry(ctx, filepath.Join(src, e.Name()), filepath.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies content: shared blocks where the file system can, else the parts of the file that are not holes.
func copyFile(src, dst string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) == nil {
		return nil
	}
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := copyData(in, out, info.Size()); err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	return out.Truncate(info.Size())
}

// copyData copies the data between holes. io.Copy between files is copy_file_range(2).
func copyData(in, out *os.File, size int64) error {
	for at := int64(0); at < size; {
		start, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // a hole up to the end
		}
		end := size
		if err == nil {
			if end, err = unix.Seek(int(in.Fd()), start, unix.SEEK_HOLE); err != nil {
				return err
			}
		} else {
			start = at // the file system does not tell
		}
		if _, err := in.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := out.Seek(start, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.CopyN(out, in, end-start); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// dress gives a copy the owner, mode, attributes and times of its original.
func (c *copier) dress(src, dst string, st *unix.Stat_t) error {
	link := st.Mode&unix.S_IFMT == unix.S_IFLNK
	if !c.user {
		if err := unix.Lchown(dst, int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("set owner of %s: %w", dst, err)
		}
	}
	if !link {
		if err := unix.Chmod(dst, st.Mode&0o7777); err != nil {
			return fmt.Errorf("set mode of %s: %w", dst, err)
		}
	}
	if err := c.xattrs(src, dst); err != nil {
		return err
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, dst, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

func (c *copier) xattrs(src, dst string) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Llistxattr(src, buf)
	if errors.Is(err, unix.ERANGE) {
		buf = make([]byte, 64<<10) // XATTR_LIST_MAX
		n, err = unix.Llistxattr(src, buf)
	}
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list attributes of %s: %w", src, err)
	}
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		size, err := unix.Lgetxattr(src, name, value)
		if err == nil {
			err = unix.Lsetxattr(dst, name, value[:size], 0)
		}
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !(c.user && errors.Is(err, unix.EPERM)) {
			return fmt.Errorf("copy attribute %s of %s: %w", name, src, err)
		}
	}
	return nil
}
