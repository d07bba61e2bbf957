package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

func (x *extractor) regular(e target) error {
	if IsSparse(e.h) && e.h.Size > maxSparse {
		return fmt.Errorf("sparse file of %d bytes: %w", e.h.Size, errdefs.ErrInvalidArgument)
	}
	fd, err := x.o.Disk.CreateAt(e.dir.fd, e.name, 0o600)
	if err != nil {
		return err
	}
	out := holey{disk: x.o.Disk, fd: fd, least: leastHole(e.h)}
	err = out.fill(e.content, e.h.Size, x.buf)
	if err == nil {
		err = x.setMetadata(fd, fd, e.h)
	}
	if closed := unix.Close(fd); err == nil {
		err = closed
	}
	return err
}

// folder makes a folder. An existing one is kept and gets the metadata of the entry.
func (x *extractor) folder(e target) error {
	err := x.o.Disk.MkdirAt(e.dir.fd, e.name, 0o700)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	fd, openErr := unix.Openat(e.dir.fd, e.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(openErr, unix.ENOTDIR) || errors.Is(openErr, unix.ELOOP) {
		return unix.EEXIST
	}
	if openErr != nil {
		return openErr
	}
	defer unix.Close(fd)
	x.times = append(x.times, folderTime{path.Join(e.dir.path, e.name), timesOf(e.h)})
	return x.setMetadata(fd, fd, e.h)
}

func (x *extractor) symlink(e target) error {
	if len(e.h.Linkname) >= maxPath {
		return fmt.Errorf("link target of %d bytes: %w", len(e.h.Linkname), errdefs.ErrInvalidArgument)
	}
	if err := x.o.Disk.SymlinkAt(e.h.Linkname, e.dir.fd, e.name); err != nil {
		return err
	}
	uid, gid, err := x.owner(e.h)
	if err != nil {
		return err
	}
	if err := unix.Fchownat(e.dir.fd, e.name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	times := timesOf(e.h)
	if err := unix.UtimesNanoAt(e.dir.fd, e.name, times[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

// hardlink makes a link to an entry of the same archive, whose path is below the folder to extract to.
func (x *extractor) hardlink(e target) error {
	p, ok := inside(e.h.Linkname)
	if !ok || p == "." {
		return fmt.Errorf("link target %q is not in the archive: %w", e.h.Linkname, errdefs.ErrInvalidArgument)
	}
	p = path.Join(x.at, p)
	from, err := x.tree.dir(path.Dir(p))
	if err != nil {
		return fmt.Errorf("link target %q: %w", e.h.Linkname, err)
	}
	if from.path == e.dir.path && path.Base(p) == e.name {
		return fmt.Errorf("link to itself: %w", errdefs.ErrInvalidArgument)
	}
	err = x.o.Disk.LinkAt(from.fd, path.Base(p), e.dir.fd, e.name)
	if errors.Is(err, unix.EEXIST) {
		return err
	}
	if err != nil {
		return fmt.Errorf("link to %q: %w", e.h.Linkname, Invalid(err))
	}
	return nil
}

func (x *extractor) device(e target) error {
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK,
		tar.TypeFifo: unix.S_IFIFO}[e.h.Typeflag]
	if e.h.Devmajor < 0 || e.h.Devminor < 0 || e.h.Devmajor >= 1<<12 || e.h.Devminor >= 1<<20 {
		return fmt.Errorf("device %d:%d: %w", e.h.Devmajor, e.h.Devminor, errdefs.ErrInvalidArgument)
	}
	dev := unix.Mkdev(uint32(e.h.Devmajor), uint32(e.h.Devminor))
	if kind == unix.S_IFIFO {
		dev = 0
	}
	if err := x.o.Disk.NodeAt(e.dir.fd, e.name, kind|0o600, int(dev)); err != nil {
		return err
	}
	fd, err := unix.Openat(e.dir.fd, e.name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != kind || st.Rdev != dev {
		return unix.EEXIST // another's by now
	}
	return x.setMetadata(-1, fd, e.h)
}

// owner returns the owner of an entry on the host.
func (x *extractor) owner(h *tar.Header) (uid, gid int, err error) {
	uid, gid = h.Uid, h.Gid
	if x.o.Owner != nil {
		uid, gid = x.o.Owner.UID, x.o.Owner.GID
	}
	hostUID, okU := mapID(uid, x.o.UIDs)
	hostGID, okG := mapID(gid, x.o.GIDs)
	if !okU || !okG {
		return 0, 0, fmt.Errorf("owner %d:%d has no place in the user namespace: %w", uid, gid, errdefs.ErrInvalidArgument)
	}
	return hostUID, hostGID, nil
}

// setMetadata sets owner, mode, attributes and times of an entry, in this order, because a change of the owner clears
// the set-ID bits and security.capability. open is the entry open for reading or writing, or -1; at may be open with
// O_PATH.
func (x *extractor) setMetadata(open, at int, h *tar.Header) error {
	uid, gid, err := x.owner(h)
	if err != nil {
		return err
	}
	where := procPath(at)
	if open >= 0 {
		err = unix.Fchown(open, uid, gid)
	} else {
		err = unix.Chown(where, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	if err := unix.Chmod(where, uint32(h.Mode)&0o7777); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	if err := x.attributes(where, h); err != nil {
		return err
	}
	times := timesOf(h)
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, where, times[:], 0); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

// attributes sets the extended attributes that an archive may contain. It is no error if the file system does not
// support them.
func (x *extractor) attributes(where string, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, xattrPrefix)
		if !ok || !keptAttribute(name) {
			continue
		}
		err := unix.Setxattr(where, name, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("set attribute %s: %w", name, err)
		}
	}
	return nil
}
