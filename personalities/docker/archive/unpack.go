package archive

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
	"unsafe"

	"golang.org/x/sys/unix"

	"box/personalities/outfile"
)

// Unpacker unpacks a daemon's tar below one folder of this host. Names and links in the tar cannot lead out of that
// folder: every step goes through os.Root.
type Unpacker struct {
	Root   *os.Root
	Rename func(name string) string // maps a name in the tar to one below Root
	Owners bool                     // set the owners that the tar has
	later  []folder                 // folders whose mode and times are set at the end
	buf    []byte
}

type folder struct {
	name string
	h    *tar.Header
}

// Unpack reads r until its end.
func (u *Unpacker) Unpack(r io.Reader) error {
	u.buf = make([]byte, 128<<10)
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		name := path.Clean(u.Rename(strings.TrimPrefix(path.Clean("/"+h.Name), "/")))
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

func (u *Unpacker) entry(t io.Reader, h *tar.Header, name string) error {
	if h.Typeflag == tar.TypeDir {
		u.later = append(u.later, folder{name, h})
		err := u.Root.Mkdir(name, 0o700)
		if errors.Is(err, fs.ErrExist) {
			info, statErr := u.Root.Stat(name)
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
	switch h.Typeflag {
	case tar.TypeReg:
		return u.regular(t, h, name)
	case tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		return u.inode(h, name)
	}
	return nil // metadata of the archive itself
}

// regular writes a file under a temporary name and renames it when it is complete.
func (u *Unpacker) regular(t io.Reader, h *tar.Header, name string) error {
	parent, err := u.Root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	f, err := outfile.Create(parent)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := u.content(t, f.File, h.Size); err != nil {
		return err
	}
	if err := u.finishFile(f.File, h); err != nil {
		return err
	}
	return f.Commit(path.Base(name))
}

// inode makes a file without content under a temporary name and renames it.
func (u *Unpacker) inode(h *tar.Header, name string) error {
	fresh := path.Join(path.Dir(name), ".box-new-"+rand.Text())
	err := u.make(h, fresh)
	if err == nil {
		err = u.Root.Rename(fresh, name)
	}
	// Renaming one link of a file to another does nothing and leaves both.
	if err != nil || h.Typeflag == tar.TypeLink {
		if removeErr := u.Root.Remove(fresh); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

func (u *Unpacker) make(h *tar.Header, name string) error {
	switch h.Typeflag {
	case tar.TypeSymlink:
		err := u.Root.Symlink(h.Linkname, name)
		if err == nil && u.Owners {
			err = u.Root.Lchown(name, h.Uid, h.Gid)
		}
		return err
	case tar.TypeLink:
		return u.Root.Link(u.Rename(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")), name)
	}
	if err := u.special(h, name); err != nil {
		return err
	}
	return u.finish(name, h)
}

// mayReplace refuses to replace folders, and devices and pipes, which others may use.
func (u *Unpacker) mayReplace(name string) error {
	info, err := u.Root.Lstat(name)
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
func (u *Unpacker) content(r io.Reader, f *os.File, size int64) error {
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
			return f.Truncate(size)
		}
		return err
	}
}

// special makes a pipe or a device in a folder that os.Root opened.
func (u *Unpacker) special(h *tar.Header, name string) error {
	kind := map[byte]uint32{tar.TypeFifo: unix.S_IFIFO, tar.TypeChar: unix.S_IFCHR,
		tar.TypeBlock: unix.S_IFBLK}[h.Typeflag]
	parent, err := u.Root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	dev := unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))
	return unix.Mknodat(int(parent.Fd()), path.Base(name), kind|0o600, int(dev))
}

// finish sets owner, attributes, mode and times, in an order in which no step undoes another.
func (u *Unpacker) finish(name string, h *tar.Header) error {
	if u.Owners {
		if err := u.Root.Lchown(name, h.Uid, h.Gid); err != nil {
			return err
		}
	}
	if h.Typeflag == tar.TypeDir && hasAttributes(h) {
		f, err := u.Root.Open(name) // while it may still be opened
		if err != nil {
			return err
		}
		defer f.Close()
		if err := setAttributes(f, h); err != nil {
			return err
		}
	}
	if err := u.Root.Chmod(name, permissions(h)); err != nil {
		return err
	}
	accessed, modified := times(h)
	return u.Root.Chtimes(name, accessed, modified)
}

// finishFile is finish for an open file.
func (u *Unpacker) finishFile(f *os.File, h *tar.Header) error {
	if u.Owners {
		if err := f.Chown(h.Uid, h.Gid); err != nil {
			return err
		}
	}
	if err := setAttributes(f, h); err != nil {
		return err
	}
	if err := f.Chmod(permissions(h)); err != nil {
		return err
	}
	accessed, modified := times(h)
	return setTimes(f, accessed, modified)
}

func permissions(h *tar.Header) fs.FileMode {
	return h.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

func times(h *tar.Header) (accessed, modified time.Time) {
	if h.AccessTime.IsZero() {
		return time.Now(), h.ModTime
	}
	return h.AccessTime, h.ModTime
}

// setTimes is futimens(3), which is utimensat(2) without a path.
func setTimes(f *os.File, accessed, modified time.Time) error {
	var at [2]unix.Timespec
	for i, t := range []time.Time{accessed, modified} {
		var err error
		if at[i], err = unix.TimeToTimespec(t); err != nil {
			return err
		}
	}
	if _, _, e := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0); e != 0 {
		return os.NewSyscallError("utimensat", e)
	}
	return nil
}

func hasAttributes(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if attribute, ok := strings.CutPrefix(key, attributePrefix); ok && keptAttribute(attribute) {
			return true
		}
	}
	return false
}

// setAttributes sets extended attributes, except those that the file system or the user's rights do not allow.
func setAttributes(f *os.File, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		attribute, ok := strings.CutPrefix(key, attributePrefix)
		if !ok || !keptAttribute(attribute) {
			continue
		}
		err := unix.Fsetxattr(int(f.Fd()), attribute, []byte(value), 0)
		if err != nil && !errors.Is(err, unix.ENOTSUP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("attribute %s: %w", attribute, err)
		}
	}
	return nil
}
