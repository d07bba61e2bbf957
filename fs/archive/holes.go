package archive

import (
	"archive/tar"
	"bytes"
	"io"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// How many zeros in a row, from a multiple of it on, become a hole: a block of the usual file systems where the
// archive tells of holes, and more where it does not, since programs are full of short ones and each costs two calls
// and an extent.
const (
	toldHole  = 4 << 10
	foundHole = 32 << 10
)

// noData is the content of a hole.
var noData [foundHole]byte

// holey writes a file of size bytes and skips zeros.
type holey struct {
	disk  *disk.Disk
	fd    int
	least int  // zeros that become a hole
	open  bool // ends in a hole, which the file's size has to say
}

// Write implements io.Writer. What came before p is a multiple of least.
func (h *holey) Write(p []byte) (int, error) {
	all := len(p)
	for len(p) > 0 {
		n := 0
		for n < len(p) && !h.isHole(p[n:]) {
			n = min(n+h.least, len(p))
		}
		if n > 0 {
			if _, err := h.disk.WriteAll(h.fd, p[:n]); err != nil {
				return 0, err
			}
			h.open = false
		}
		p, n = p[n:], 0
		for h.isHole(p[n:]) {
			n += h.least
		}
		if n > 0 {
			if _, err := unix.Seek(h.fd, int64(n), unix.SEEK_CUR); err != nil {
				return 0, err
			}
			h.open = true
		}
		p = p[n:]
	}
	return all, nil
}

// isHole tells whether p starts with enough zeros.
func (h *holey) isHole(p []byte) bool {
	return len(p) >= h.least && p[0] == 0 && bytes.Equal(p[:h.least], noData[:h.least])
}

// fill writes the whole content of a file. The length of buf is a multiple of each hole's minimum.
func (h *holey) fill(content io.Reader, size int64, buf []byte) error {
	for left := size; left > 0; {
		n, err := io.ReadFull(content, buf[:min(left, int64(len(buf)))])
		if err != nil {
			return badTar("content", err)
		}
		left -= int64(n)
		if _, err := h.Write(buf[:n]); err != nil {
			return err
		}
	}
	if !h.open {
		return nil
	}
	return h.disk.Truncate(h.fd, size)
}

// leastHole returns the minimum length of a hole in an entry.
func leastHole(hdr *tar.Header) int {
	if IsSparse(hdr) {
		return toldHole
	}
	return foundHole
}
