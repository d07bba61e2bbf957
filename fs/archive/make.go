package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// node is an entry that is being made.
type node struct {
	dir      folder
	name     string
	uid, gid int
	mode     uint32 // permission and set-id bits
	times    [2]unix.Timespec
}

// free removes the entry that is in the way of a new one.
func (a *applier) free(n node) error {
	err := a.remover(nil).remove(n.dir, n.name)
	a.tree.flush()
	if err != nil {
		return fmt.Errorf("replace: %w", err)
	}
	return nil
}

// retry runs create, and if there is an entry already removes that and runs create again. Removing closes folders, so
// create gets the folder anew.
func (a *applier) retry(n node, create func(n node) error) error {
	err := create(n)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := a.free(n); err != nil {
		return err
	}
	if n.dir, err = a.tree.dir(n.dir.path); err != nil {
		return err
	}
	return create(n)
}

func (a *applier) file(n node, hdr *tar.Header, content io.Reader, in *tap) error {
	sparse := IsSparse(hdr)
	if sparse && hdr.Size > maxSparse {
		return fmt.Errorf("sparse file of %d bytes: %w", hdr.Size, errdefs.ErrInvalidArgument)
	}
	fd := -1
	err := a.retry(n, func(at node) (err error) {
		n = at
		fd, err = a.disk.CreateAt(n.dir.fd, n.name, 0o600)
		return err
	})
	if err != nil {
		return err
	}
	if in.rec != nil && !sparse && hdr.Size > 0 {
		in.rec.file(path.Join(n.dir.path, n.name), hdr.Size)
		in.content = hdr.Size
	}
	out := holey{disk: a.disk, fd: fd, least: leastHole(hdr)}
	err = out.fill(content, hdr.Size, a.buf)
	if err == nil {
		err = a.setFileMetadata(fd, n, hdr)
	}
	a.size += hdr.Size
	if closed := unix.Close(fd); err == nil {
		err = closed
	}
	return err
}

// setFileMetadata sets owner, mode, attributes and times of an open file, in this order, because a change of the owner
// clears the set-ID bits and security.capability.
func (a *applier) setFileMetadata(fd int, n node, hdr *tar.Header) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// Compared rather than set, which costs a write. A folder with set-group-ID has given it its own group.
	if !a.user && (int(st.Uid) != n.uid || int(st.Gid) != n.gid) {
		if err := unix.Fchown(fd, n.uid, n.gid); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if err := unix.Fchmod(fd, n.mode); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	err := a.xattrs(hdr, func(name string, value []byte) error { return unix.Fsetxattr(fd, name, value, 0) })
	if err != nil {
		return err
	}
	if err := unix.UtimesNanoAt(n.dir.fd, n.name, n.times[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

func (a *applier) folder(n node, hdr *tar.Header) error {
	hide := false
	err := a.disk.MkdirAt(n.dir.fd, n.name, 0o700)
	if errors.Is(err, unix.EEXIST) {
		hide, err = a.existing(&n)
		switch {
		case err == nil && hide:
			err = a.disk.MkdirAt(n.dir.fd, n.name, 0o700)
		case err == nil:
			err = bareAttributes(viaProc(n.dir, n.name), hdr)
		}
	}
	if err != nil {
		return err
	}
	if err := a.setMetadata(n, hdr); err != nil {
		return err
	}
	if hide {
		if err := a.setOpaque(n.dir, n.name); err != nil {
			return err
		}
	}
	a.times = append(a.times, folderTime{path.Join(n.dir.path, n.name), n.times})
	return nil
}

// bareAttributes takes away the attributes of a folder that its entry does not have.
func bareAttributes(path string, hdr *tar.Header) error {
	list := make([]byte, 64<<10) // the most that the kernel has (XATTR_LIST_MAX)
	n, err := unix.Llistxattr(path, list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list attributes: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if _, ok := hdr.PAXRecords[xattrPrefix+name]; ok || !keptAttribute(name) {
			continue
		}
		if err := unix.Lremovexattr(path, name); err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("remove attribute %s: %w", name, err)
		}
	}
	return nil
}

// existing checks what is in the place of a new folder. An existing folder stays and gets the attributes of the entry.
// Anything else is removed, and gone is true.
func (a *applier) existing(n *node) (gone bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(n.dir.fd, n.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return false, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return false, nil
	}
	if err := a.free(*n); err != nil {
		return false, err
	}
	n.dir, err = a.tree.dir(n.dir.path)
	return true, err
}

func (a *applier) symlink(n node, hdr *tar.Header) error {
	if len(hdr.Linkname) >= maxPath {
		return fmt.Errorf("link target of %d bytes: %w", len(hdr.Linkname), errdefs.ErrInvalidArgument)
	}
	err := a.retry(n, func(at node) error {
		n = at
		return a.disk.SymlinkAt(hdr.Linkname, n.dir.fd, n.name)
	})
	if err != nil {
		return err
	}
	a.size += int64(len(hdr.Linkname))
	return a.setMetadata(n, hdr)
}

// hardlink makes a link to a file of the layer. The folder of the target is resolved in the root; the target itself is
// not followed.
func (a *applier) hardlink(n node, hdr *tar.Header) error {
	p, ok := inside(hdr.Linkname)
	if !ok || p == "." {
		return fmt.Errorf("link target %q is not in the layer: %w", hdr.Linkname, errdefs.ErrInvalidArgument)
	}
	return a.retry(n, func(n node) error {
		target, err := a.tree.dir(path.Dir(p))
		if err != nil {
			return fmt.Errorf("link target %q: %w", hdr.Linkname, err)
		}
		if target.path == n.dir.path && path.Base(p) == n.name {
			return fmt.Errorf("link to itself: %w", errdefs.ErrInvalidArgument)
		}
		err = a.disk.LinkAt(target.fd, path.Base(p), n.dir.fd, n.name)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPERM) {
			return fmt.Errorf("link target %q: %w", hdr.Linkname, Invalid(err))
		}
		if err == nil && a.linked != nil {
			a.linked[path.Join(target.path, path.Base(p))] = struct{}{}
		}
		return err
	})
}

func (a *applier) device(n node, hdr *tar.Header) error {
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK,
		tar.TypeFifo: unix.S_IFIFO}[hdr.Typeflag]
	if hdr.Devmajor < 0 || hdr.Devminor < 0 || hdr.Devmajor >= 1<<12 || hdr.Devminor >= 1<<20 {
		return fmt.Errorf("device %d:%d: %w", hdr.Devmajor, hdr.Devminor, errdefs.ErrInvalidArgument)
	}
	dev := int(unix.Mkdev(uint32(hdr.Devmajor), uint32(hdr.Devminor)))
	if kind == unix.S_IFIFO {
		dev = 0
	}
	err := a.retry(n, func(at node) error {
		n = at
		return a.disk.NodeAt(n.dir.fd, n.name, kind|0o600, dev)
	})
	if a.user && errors.Is(err, unix.EPERM) && kind != unix.S_IFIFO {
		return nil
	}
	if err != nil {
		return err
	}
	return a.setMetadata(n, hdr)
}

// setMetadata sets owner, mode, attributes and times of an entry that is not open. Links have no mode.
func (a *applier) setMetadata(n node, hdr *tar.Header) error {
	if !a.user {
		if err := unix.Fchownat(n.dir.fd, n.name, n.uid, n.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if hdr.Typeflag != tar.TypeSymlink {
		if err := unix.Fchmodat(n.dir.fd, n.name, n.mode, 0); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	err := a.xattrs(hdr, func(name string, value []byte) error {
		return unix.Lsetxattr(viaProc(n.dir, n.name), name, value, 0)
	})
	if err != nil {
		return err
	}
	if hdr.Typeflag == tar.TypeDir {
		return nil // folderTimes does it
	}
	if err := unix.UtimesNanoAt(n.dir.fd, n.name, n.times[:], unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

// xattrPrefix is the prefix of extended attributes in PAX headers.
const xattrPrefix = "SCHILY.xattr."

// xattrs sets the extended attributes of an entry. Those by which overlayfs keeps its own books are left out: in an
// archive whiteouts say what they say, and nothing else should steer the mount.
func (a *applier) xattrs(hdr *tar.Header, set func(name string, value []byte) error) error {
	for key, value := range hdr.PAXRecords {
		name, ok := strings.CutPrefix(key, xattrPrefix)
		if !ok || strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		err := set(name, []byte(value))
		switch {
		case err == nil, errors.Is(err, unix.ENOTSUP):
		case errors.Is(err, unix.EPERM) && (a.user || strings.HasPrefix(name, "user.")):
			// Only root has the others, and links and devices have no user attributes.
		default:
			return fmt.Errorf("set attribute %s: %w", name, err)
		}
	}
	return nil
}
