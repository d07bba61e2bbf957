package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// file packs anything but a folder. fd is O_PATH.
func (p *Packer) file(fd int, st *unix.Stat_t, as string) error {
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFSOCK {
		return nil // nothing without its listener
	}
	if p.o.Whiteouts == Overlay && isWhiteout(st) {
		return p.Deleted(as)
	}
	h, err := p.headerOf(st, as)
	if err != nil {
		return err
	}
	if st.Nlink > 1 {
		id := [2]uint64{st.Dev, st.Ino}
		if first, ok := p.linked[id]; ok {
			h.Typeflag, h.Linkname = tar.TypeLink, first
			return p.header(h)
		}
		p.linked[id] = as
	}
	switch kind {
	case unix.S_IFREG:
		return p.regular(fd, st, h)
	case unix.S_IFLNK:
		h.Typeflag = tar.TypeSymlink
		if h.Linkname, err = readlink(fd, ""); err != nil {
			return err
		}
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	case unix.S_IFCHR, unix.S_IFBLK:
		h.Typeflag = tar.TypeChar
		if kind == unix.S_IFBLK {
			h.Typeflag = tar.TypeBlock
		}
		h.Devmajor, h.Devminor = int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))
	}
	return p.header(h)
}

// regular packs a file with its content, as many bytes as it had when it was examined.
func (p *Packer) regular(at int, st *unix.Stat_t, h *tar.Header) error {
	fd, err := reopen(at, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	h.Typeflag, h.Size = tar.TypeReg, st.Size
	p.attributes(h, procPath(fd))
	if err := p.header(h); err != nil {
		return err
	}
	var left int64
	if st.Blocks*512 < st.Size {
		left, err = p.out.sparse(fd, st.Size)
	} else {
		left, err = p.out.read(fd, st.Size)
	}
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return p.out.zeros(left + (512-st.Size%512)%512)
}

// keptAttribute tells whether archives contain an extended attribute. Labels and the attributes of overlayfs belong to
// the host, and a PAX header cannot express a name with an equals sign.
func keptAttribute(name string) bool {
	return name == "security.capability" ||
		strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.") && !strings.Contains(name, "=") ||
		strings.HasPrefix(name, "system.posix_acl_")
}

// maxAttributes is how many bytes of attributes an entry keeps, without what a header says around each: no reader
// takes a header of more than 1 MiB.
const maxAttributes = 700 << 10

// attributes adds extended attributes to a header. It skips those that cannot be read.
func (p *Packer) attributes(h *tar.Header, path string) {
	var few [1024]byte
	list := few[:]
	n, err := unix.Listxattr(path, list)
	if errors.Is(err, unix.ERANGE) {
		list = make([]byte, 64<<10) // the most that the kernel has (XATTR_LIST_MAX)
		n, err = unix.Listxattr(path, list)
	}
	if err != nil || n == 0 {
		return
	}
	left := maxAttributes
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if !keptAttribute(name) {
			continue
		}
		value := make([]byte, 64<<10) // the most that the kernel has (XATTR_SIZE_MAX)
		n, err := unix.Getxattr(path, name, value)
		if err != nil {
			continue
		}
		if left -= len(name) + n; left < 0 {
			return
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[xattrPrefix+name] = string(value[:n])
	}
}

// stream collects a tar into large writes. Files are read into its buffer directly.
type stream struct {
	w   io.Writer
	buf []byte
	n   int // bytes of buf that are not written yet
}

// Write implements io.Writer.
func (s *stream) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n := copy(s.buf[s.n:], p[done:])
		done += n
		if s.n += n; s.n == len(s.buf) {
			if err := s.flush(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

func (s *stream) flush() error {
	if s.n == 0 {
		return nil
	}
	_, err := s.w.Write(s.buf[:s.n])
	s.n = 0
	return err
}

// read copies size bytes from the file fd at its offset. It returns how many were missing.
func (s *stream) read(fd int, size int64) (left int64, err error) {
	for size > 0 {
		room := s.buf[s.n:]
		n, err := unix.Read(fd, room[:min(int64(len(room)), size)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return size, err
		}
		size -= int64(n)
		if s.n += n; s.n == len(s.buf) {
			if err := s.flush(); err != nil {
				return size, err
			}
		}
	}
	return 0, nil
}

// sparse is read for a file with holes. It does not read the holes.
func (s *stream) sparse(fd int, size int64) (left int64, err error) {
	for at := int64(0); at < size; {
		data, err := unix.Seek(fd, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return size - at, nil // a hole to the end
		}
		if err != nil {
			data = at // a file system that knows no holes
		}
		data = min(data, size)
		if err := s.zeros(data - at); err != nil {
			return 0, err
		}
		end, err := unix.Seek(fd, data, unix.SEEK_HOLE)
		if err != nil {
			end = size
		}
		end = min(end, size)
		if _, err := unix.Seek(fd, data, unix.SEEK_SET); err != nil {
			return 0, err
		}
		if left, err := s.read(fd, end-data); err != nil || left > 0 {
			return left + size - end, err
		}
		at = end
	}
	return 0, nil
}

// zeros writes n zero bytes.
func (s *stream) zeros(n int64) error {
	for n > 0 {
		room := s.buf[s.n:]
		k := int(min(int64(len(room)), n))
		clear(room[:k])
		n -= int64(k)
		if s.n += k; s.n == len(s.buf) {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}
