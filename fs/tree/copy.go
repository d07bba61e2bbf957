package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// Copy makes the empty folder dst a copy of src: owners, modes, times, attributes, devices, holes and hard links
// included, those of the folder itself too. A user who is not root gets what that user may make. It returns how many
// entries were made.
//
// Both are walked by descriptors: a program that moves files about in dst meanwhile can spoil the copy, and cannot
// lead it out. Nobody writes to src.
func Copy(ctx context.Context, d *disk.Disk, src, dst *os.File) (entries int, err error) {
	return copyTo(ctx, src, dst, copier{disk: d})
}

// Link is Copy with folders of its own alone: everything else is a hard link to that in src, or a copy where that has
// as many links as the file system allows.
func Link(ctx context.Context, d *disk.Disk, src, dst *os.File) (entries int, err error) {
	return copyTo(ctx, src, dst, copier{disk: d, hard: true})
}

func copyTo(ctx context.Context, src, dst *os.File, c copier) (entries int, err error) {
	c.root, c.names, c.user = int(dst.Fd()), map[[2]uint64]string{}, os.Geteuid() != 0
	if err := c.folder(ctx, int(src.Fd()), int(dst.Fd()), ""); err != nil {
		return c.made, fmt.Errorf("copy: %w", err)
	}
	return c.made, nil
}

type copier struct {
	disk  *disk.Disk
	root  int                  // the copy's own folder
	names map[[2]uint64]string // device and inode -> path in the copy of a file with several names
	user  bool
	hard  bool // files are links to those in src
	made  int
}

// entry is a name in both trees.
type entry struct {
	src, dst int // folders
	name     string
	path     string // from the roots, for messages and links
	st       unix.Stat_t
}

// folder copies the content of src, and then its metadata.
func (c *copier) folder(ctx context.Context, src, dst int, at string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := list(src)
	if err != nil {
		return fmt.Errorf("list /%s: %w", at, err)
	}
	for _, name := range names {
		e := entry{src: src, dst: dst, name: name, path: path.Join(at, name)}
		if err := unix.Fstatat(src, name, &e.st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("/%s: %w", e.path, err)
		}
		if err := c.entry(ctx, &e); err != nil {
			return fmt.Errorf("/%s: %w", e.path, err)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(src, &st); err != nil {
		return err
	}
	return c.copyMetadata(src, dst, &st)
}

// list returns the names in a folder without changing the offset of the descriptor.
func list(folder int) ([]string, error) {
	fd, err := unix.Openat(folder, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

func (c *copier) entry(ctx context.Context, e *entry) error {
	kind := e.st.Mode & unix.S_IFMT
	if c.hard && kind != unix.S_IFDIR {
		err := c.disk.LinkAt(e.src, e.name, e.dst, e.name)
		if !errors.Is(err, unix.EMLINK) {
			c.made++
			return err
		}
	}
	if kind == unix.S_IFSOCK {
		return nil // means nothing without the process that made it
	}
	c.made++
	if kind != unix.S_IFDIR && e.st.Nlink > 1 {
		id := [2]uint64{e.st.Dev, e.st.Ino}
		if first, ok := c.names[id]; ok {
			return c.link(first, e)
		}
		c.names[id] = e.path
	}
	switch kind {
	case unix.S_IFDIR:
		return c.subfolder(ctx, e)
	case unix.S_IFREG:
		return c.file(e)
	case unix.S_IFLNK:
		return c.symlink(e)
	}
	return c.special(e)
}

// link makes e a link to first in the copy. It walks to first again, because a folder on the way may be a symbolic link
// by now.
func (c *copier) link(first string, e *entry) error {
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	dir, err := unix.Openat(c.root, ".", flags, 0)
	if err != nil {
		return err
	}
	defer func() { unix.Close(dir) }()
	above, name := path.Split(first)
	for part := range strings.SplitSeq(strings.Trim(above, "/"), "/") {
		if part == "" {
			continue
		}
		next, err := unix.Openat(dir, part, flags, 0)
		if err != nil {
			return err
		}
		unix.Close(dir)
		dir = next
	}
	return c.disk.LinkAt(dir, name, e.dst, e.name)
}

func (c *copier) subfolder(ctx context.Context, e *entry) error {
	if err := c.disk.MkdirAt(e.dst, e.name, 0o700); err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	src, err := unix.Openat(e.src, e.name, flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(src)
	dst, err := unix.Openat(e.dst, e.name, flags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dst)
	return c.folder(ctx, src, dst, e.path)
}

func (c *copier) symlink(e *entry) error {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(e.src, e.name, buf)
	if err != nil {
		return err
	}
	if err := c.disk.SymlinkAt(string(buf[:n]), e.dst, e.name); err != nil {
		return err
	}
	return c.copyNamedMetadata(e)
}

// special makes a device or a pipe.
func (c *copier) special(e *entry) error {
	if err := c.disk.NodeAt(e.dst, e.name, e.st.Mode&unix.S_IFMT|0o600, int(e.st.Rdev)); err != nil {
		return err
	}
	return c.copyNamedMetadata(e)
}
