package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs/disk"
	"box/fs/mount"
)

// initEntry is a file or folder that every container has in its root, because something is mounted over it.
type initEntry struct {
	path string
	kind uint32 // S_IFDIR, S_IFREG or S_IFLNK
	to   string // of a link
}

// initEntries are those of Docker.
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

// Fill creates what every container has in its root, below the open folder root, for the root user uid, gid of the
// container. The image is not trusted: links in it are not followed.
func Fill(d *disk.Disk, root, uid, gid int) error {
	var errs error
	for _, entry := range initEntries {
		if err := makeInRoot(d, root, entry, uid, gid); err != nil {
			errs = errors.Join(errs, fmt.Errorf("layer below the container's: %s in the image: %w", entry.path, err))
		}
	}
	return errs
}

// Within mounts a layer that nobody uses yet, and passes its root to do, open and as a path.
func (r *Roots) Within(ctx context.Context, layer string, do func(dir int, root string) error) error {
	r.counts.Begin(layer)
	defer r.counts.End(layer)
	root, mounts, err := r.layers.Mounts(ctx, layer)
	if err != nil {
		return err
	}
	if err := mount.All(mounts); err != nil {
		return err
	}
	if len(mounts) > 0 {
		defer undo(r.layers, layer, mounts)
	}
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", root, err)
	}
	defer unix.Close(dir)
	return do(dir, root)
}

// makeInRoot makes an entry and its missing parents. Existing folders stay. Anything else, links above all, is
// replaced: as in Docker, if an image's /etc or /dev is a link, its containers have a folder there.
func makeInRoot(d *disk.Disk, root int, entry initEntry, uid, gid int) error {
	parent, err := folderInRoot(d, root, path.Dir(entry.path), uid, gid)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	name := path.Base(entry.path)
	if entry.kind == unix.S_IFDIR {
		fd, err := subfolder(d, parent, name, uid, gid)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
	switch err := d.UnlinkAt(parent, name, 0); err {
	case nil, unix.ENOENT:
	case unix.EISDIR: // unlink(2) of a folder
		return nil
	default:
		return err
	}
	if entry.kind == unix.S_IFLNK {
		err = d.SymlinkAt(entry.to, parent, name)
	} else {
		var fd int
		if fd, err = d.CreateAt(parent, name, 0o755); err == nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return err
	}
	return giveAt(parent, name, uid, gid)
}

// giveAt makes the root of containers the owner of a new entry, also where the folder has set-group-ID.
func giveAt(parent int, name string, uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return unix.Fchownat(parent, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}

// folderInRoot opens the folder p below root.
func folderInRoot(d *disk.Disk, root int, p string, uid, gid int) (int, error) {
	at, err := unix.Dup(root)
	for _, part := range strings.Split(strings.Trim(p, "/"), "/") {
		if err != nil || part == "" {
			break
		}
		above := at
		at, err = subfolder(d, above, part, uid, gid)
		unix.Close(above)
	}
	return at, err
}

// subfolder opens the folder name, and creates it if there is something else or nothing.
func subfolder(d *disk.Disk, parent int, name string, uid, gid int) (int, error) {
	open := func() (int, error) {
		return unix.Openat(parent, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	fd, err := open()
	if err == unix.ENOTDIR {
		if err := d.UnlinkAt(parent, name, 0); err != nil {
			return -1, err
		}
	} else if err != unix.ENOENT {
		return fd, err
	}
	if err := d.MkdirAt(parent, name, 0o755); err != nil {
		return -1, err
	}
	if err := giveAt(parent, name, uid, gid); err != nil {
		return -1, err
	}
	return open()
}
