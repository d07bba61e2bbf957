// Package archive packs files as tar, and unpacks tars that may be hostile.
package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// TarWriter packs files of this host.
type TarWriter struct {
	t      *tar.Writer
	linked map[[2]uint64]string // device and inode -> name of the first link
	buf    []byte
}

// PipeTar runs pack in a goroutine and returns its output. The reader receives the error of pack; closing the reader
// ends pack.
func PipeTar(pack func(*TarWriter) error) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(w, 256<<10)
		t := &TarWriter{t: tar.NewWriter(buffered), linked: map[[2]uint64]string{}, buf: make([]byte, 128<<10)}
		err := pack(t)
		if err == nil {
			err = errors.Join(t.t.Close(), buffered.Flush())
		}
		w.CloseWithError(err)
	}()
	return r
}

// Tree packs a file, or a folder with all of its content, under name.
func (t *TarWriter) Tree(root, name string) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return t.file(p, path.Join(name, filepath.ToSlash(rel)), info)
	})
}

func (t *TarWriter) file(p, name string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSocket != 0 {
		return nil // a socket is nothing without its listener
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("pack %s: %w", p, err)
	}
	h.Name, h.Format = name, tar.FormatPAX
	if info.IsDir() {
		h.Name += "/"
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && st.Nlink > 1 {
		key := [2]uint64{uint64(st.Dev), st.Ino}
		if first, seen := t.linked[key]; seen {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else {
			t.linked[key] = h.Name
		}
	}
	if h.Typeflag == tar.TypeReg || h.Typeflag == tar.TypeDir {
		attributes(p, h)
	}
	if err := t.t.WriteHeader(h); err != nil {
		return fmt.Errorf("pack %s: %w", p, err)
	}
	if h.Typeflag != tar.TypeReg || h.Size == 0 {
		return nil
	}
	return t.content(p, h.Size)
}

// attributePrefix is the prefix of extended attributes in a tar.
const attributePrefix = "SCHILY.xattr."

// keptAttribute tells whether an extended attribute is copied: user attributes, capabilities of programs, and access
// lists.
func keptAttribute(name string) bool {
	return name == "security.capability" || strings.HasPrefix(name, "user.") ||
		strings.HasPrefix(name, "system.posix_acl_")
}

// attributes adds the extended attributes of a file to its header. Attributes that cannot be read are left out.
func attributes(p string, h *tar.Header) {
	var list [4096]byte
	n, err := unix.Llistxattr(p, list[:])
	if err != nil || n == 0 {
		return
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		if !keptAttribute(name) {
			continue
		}
		value := make([]byte, 64<<10) // the most that the kernel has
		n, err := unix.Lgetxattr(p, name, value)
		if err != nil {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords[attributePrefix+name] = string(value[:n])
	}
}

// content packs exactly size bytes. If the file grows meanwhile it is cut; if it shrinks that is an error.
func (t *TarWriter) content(p string, size int64) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{t.t}, struct{ io.Reader }{io.LimitReader(f, size)}, t.buf)
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", p, err)
	}
	return nil
}
