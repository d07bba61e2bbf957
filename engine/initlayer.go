package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/mount"
)

// initEntry is one thing that every container finds in its root because something is mounted over it.
type initEntry struct {
	path string
	kind uint32 // S_IFDIR, S_IFREG or S_IFLNK
	to   string // of a link
}

// initEntries are Docker's.
var initEntries = []initEntry{
	{"/dev/pts", unix.S_IFDIR, ""},
	{"/dev/shm", unix.S_IFDIR, ""},
	{"/dev/console", unix.S_IFREG, ""},
	{"/proc", unix.S_IFDIR, ""},
	{"/sys", unix.S_IFDIR, ""},
	{"/.dockerenv", unix.S_IFREG, ""},
	{"/etc/resolv.conf", unix.S_IFREG, ""},
	{"/etc/hosts", unix.S_IFREG, ""},
	{"/etc/hostname", unix.S_IFREG, ""},
	{"/etc/mtab", unix.S_IFLNK, "/proc/mounts"},
}

// fillInit makes, in the layer below a container's, what is missing of initEntries, and fills the container's volumes from it. The
// image is not trusted: links in it are followed inside the root only.
func (e *Engine) fillInit(ctx context.Context, name string, rec *record) error {
	root, mounts, err := e.layers.Mounts(ctx, name)
	if err != nil {
		return err
	}
	if err := mount.All(mounts); err != nil {
		return err
	}
	if len(mounts) > 0 {
		defer mount.Unmount(root)
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", root, err)
	}
	defer unix.Close(dir)
	var errs error
	for _, entry := range initEntries {
		if err := makeInRoot(dir, entry); err != nil {
			errs = errors.Join(errs, fmt.Errorf("layer below the container's: %s in the image: %w", entry.path, err))
		}
	}
	if errs != nil {
		return errs
	}
	return e.fillVolumes(ctx, dir, root, rec)
}

// makeInRoot makes one entry and the folders above it where they are missing. What is there, of whatever kind, stays.
func makeInRoot(root int, entry initEntry) error {
	parent, err := folderInRoot(root, path.Dir(entry.path))
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	name := path.Base(entry.path)
	switch entry.kind {
	case unix.S_IFDIR:
		err = unix.Mkdirat(parent, name, 0o755)
	case unix.S_IFLNK:
		err = unix.Symlinkat(entry.to, parent, name)
	default:
		var fd int
		fd, err = unix.Openat(parent, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o755)
		if err == nil {
			unix.Close(fd)
		}
	}
	if err == unix.EEXIST {
		return nil
	}
	return err
}

// folderInRoot opens the folder p below root and makes what is missing of it.
func folderInRoot(root int, p string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(root, "."+p, &how)
	if err != unix.ENOENT {
		return fd, err
	}
	made := ""
	for _, part := range strings.Split(strings.Trim(p, "/"), "/") {
		above, err := unix.Openat2(root, "./"+made, &how)
		if err != nil {
			return -1, err
		}
		err = unix.Mkdirat(above, part, 0o755)
		unix.Close(above)
		if err != nil && err != unix.EEXIST {
			return -1, err
		}
		made = path.Join(made, part)
	}
	return unix.Openat2(root, "./"+made, &how)
}
