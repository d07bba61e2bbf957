package docker

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// unpacker writes a tar from a daemon below one folder of this host. Whatever names and links the tar holds,
// nothing outside is touched: every step goes through os.Root.
type unpacker struct {
	root   *os.Root
	rename func(name string) string // the name in the tar to the name below root
	owners bool                     // keep the owners of the tar
	later  []folder                 // modes and times of folders, set when nothing more is written into them
	beside string                   // begins the names of files that are being written
	buf    []byte
}

type folder struct {
	name string
	h    *tar.Header
}

// unpack reads r to its end.
func (u *unpacker) unpack(r io.Reader) error {
	u.buf = make([]byte, 128<<10)
	u.beside = ".box-cp-" + rand.Text() + "-"
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		name := path.Clean(u.rename(strings.TrimPrefix(path.Clean("/"+h.Name), "/")))
		if err := u.entry(t, h, name); err != nil {
			return fmt.Errorf("unpack %s: %w", h.Name, err)
		}
	}
	for i := len(u.later) - 1; i >= 0; i-- {
		if err := u.finish(u.later[i].name, u.later[i].h); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) entry(t io.Reader, h *tar.Header, name string) error {
	if h.Typeflag == tar.TypeDir {
		u.later = append(u.later, folder{name, h})
		err := u.root.Mkdir(name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			info, statErr := u.root.Stat(name)
			if statErr == nil && !info.IsDir() {
				return fmt.Errorf("cannot overwrite non-directory %q with directory", name)
			}
			return statErr
		}
		return err
	}
	if err := u.mayReplace(name); err != nil {
		return err
	}
	fresh := path.Join(path.Dir(name), fmt.Sprintf("%s%d", u.beside, len(u.later)))
	made, err := u.make(t, h, fresh)
	if !made {
		return err
	}
	if err == nil {
		err = u.root.Rename(fresh, name)
	}
	// A rename of two names of one file does nothing and leaves both.
	if err != nil || h.Typeflag == tar.TypeLink {
		if removeErr := u.root.Remove(fresh); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// make writes an entry under a name that is free, and tells whether anything may be there now.
func (u *unpacker) make(t io.Reader, h *tar.Header, name string) (made bool, err error) {
	switch h.Typeflag {
	case tar.TypeReg:
		err = u.content(t, name, h.Size)
	case tar.TypeSymlink:
		err = u.root.Symlink(h.Linkname, name)
		if err == nil && u.owners {
			err = u.root.Lchown(name, h.Uid, h.Gid)
		}
		return true, err
	case tar.TypeLink:
		return true, u.root.Link(u.rename(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")), name)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		err = u.special(h, name)
	default:
		return false, nil // metadata of the archive itself
	}
	if err == nil {
		err = u.finish(name, h)
	}
	return true, err
}

// mayReplace refuses to put a file in the place of a folder, and of what is neither a file nor a link: it is a device or a
// pipe that others use.
func (u *unpacker) mayReplace(name string) error {
	info, err := u.root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("cannot overwrite directory %q with non-directory", name)
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return fmt.Errorf("cannot overwrite %q, which is not a regular file", name)
	}
	return nil
}

// content writes a file of exactly size bytes; long runs of zeros become holes.
func (u *unpacker) content(r io.Reader, name string, size int64) error {
	f, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	zeros := make([]byte, len(u.buf))
	done := int64(0)
	for {
		n, err := io.ReadFull(r, u.buf)
		if n == len(u.buf) && bytes.Equal(u.buf, zeros) {
			_, seekErr := f.Seek(int64(n), io.SeekCurrent)
			err = errors.Join(err, seekErr)
		} else if _, writeErr := f.Write(u.buf[:n]); writeErr != nil {
			return writeErr
		}
		done += int64(n)
		switch {
		case err == nil:
			continue
		case done == size && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
			return errors.Join(f.Truncate(size), f.Close())
		}
		return err
	}
}

// special makes a pipe or a device in the folder that os.Root has checked.
func (u *unpacker) special(h *tar.Header, name string) error {
	kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
	parent, err := u.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	return unix.Mknodat(int(parent.Fd()), path.Base(name), kind|0o600, int(dev))
}

// finish sets owner, mode and times, in the order in which one does not undo another.
func (u *unpacker) finish(name string, h *tar.Header) error {
	if u.owners {
		if err := u.root.Lchown(name, h.Uid, h.Gid); err != nil {
			return err
		}
	}
	if err := u.attributes(name, h); err != nil { // while it may still be opened
		return err
	}
	mode := h.FileInfo().Mode()
	if err := u.root.Chmod(name, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil {
		return err
	}
	accessed := h.AccessTime
	if accessed.IsZero() {
		accessed = time.Now()
	}
	return u.root.Chtimes(name, accessed, h.ModTime)
}

// attributes sets the extended attributes of a file or folder. What this user or file system may not have is left out.
func (u *unpacker) attributes(name string, h *tar.Header) error {
	var f *os.File
	for key, value := range h.PAXRecords {
		attribute, ok := strings.CutPrefix(key, attributePrefix)
		if !ok || !keptAttribute(attribute) || h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
			continue
		}
		if f == nil {
			var err error
			if f, err = u.root.Open(name); err != nil {
				return err
			}
			defer f.Close()
		}
		err := unix.Fsetxattr(int(f.Fd()), attribute, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("attribute %s: %w", attribute, err)
		}
	}
	return nil
}
