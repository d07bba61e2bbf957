// Package workdir creates the working folder of a container's program inside of the container's root, although links in
// the root may lead anywhere.
package workdir

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
	"box/fs/inroot"
)

// maxLinks is how many links without a target are followed, as in the kernel (path_resolution(7)).
const maxLinks = 40

// Exists tells whether dir is a folder in root, an open folder. If it is something else, that is an error.
func Exists(root int, dir string) (bool, error) {
	fd, err := open(root, dir)
	switch {
	case err == nil:
		return true, unix.Close(fd)
	case errors.Is(err, unix.ENOENT):
		return false, nil
	}
	return false, refusal(dir, err)
}

// Make creates dir and its missing parents in root for the user uid and the group gid. It follows links as a program in
// the root would, including those without a target.
func Make(d *disk.Disk, root int, dir string, uid, gid int) error {
	if err := makeAll(d, root, path.Clean("/"+dir), uid, gid); err != nil {
		return refusal(dir, err)
	}
	return nil
}

func makeAll(d *disk.Disk, root int, dir string, uid, gid int) error {
	links := 0
	for at := 1; at <= len(dir); {
		end := at + strings.IndexByte(dir[at:]+"/", '/')
		err := makeOne(d, root, dir[:end], uid, gid)
		if errors.Is(err, unix.EEXIST) { // a link to what is not there
			if links++; links > maxLinks {
				return unix.ELOOP
			}
			var to string
			if to, err = target(root, dir[:end]); err == nil {
				dir, at = path.Join(to, dir[end:]), 1
				continue
			}
		}
		if err != nil {
			return err
		}
		at = end + 1
	}
	return nil
}

// makeOne creates the folder dir in its parent if it does not exist.
func makeOne(d *disk.Disk, root int, dir string, uid, gid int) error {
	fd, err := open(root, dir)
	if !errors.Is(err, unix.ENOENT) {
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	above, err := open(root, path.Dir(dir))
	if err != nil {
		return err
	}
	defer unix.Close(above)
	if err := d.MkdirAt(above, path.Base(dir), 0o755); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return unix.Fchownat(above, path.Base(dir), uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}

// target returns the target of a link as a path from root.
func target(root int, link string) (string, error) {
	above, err := open(root, path.Dir(link))
	if err != nil {
		return "", err
	}
	defer unix.Close(above)
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(above, path.Base(link), buf)
	if err != nil {
		return "", err
	}
	to := string(buf[:n])
	if !path.IsAbs(to) {
		to = path.Join(path.Dir(link), to)
	}
	return path.Clean("/" + to), nil
}

// open opens a folder in root.
func open(root int, dir string) (int, error) {
	return inroot.Open(root, path.Clean("/"+dir), unix.O_PATH|unix.O_DIRECTORY)
}

// refusal returns Docker's error about an invalid working folder.
func refusal(dir string, err error) error {
	if errors.Is(err, unix.ENOTDIR) {
		return &refused{fmt.Sprintf("Cannot mkdir: %s is not a directory", dir)}
	}
	return fmt.Errorf("Cannot mkdir: %s: %w", dir, err)
}

type refused struct{ text string }

func (r *refused) Error() string { return r.text }
func (r *refused) Unwrap() error { return errdefs.ErrInternal }
