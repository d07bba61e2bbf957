package archive

import (
	"bytes"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// holeSize is how many zeros in a row, from a multiple of it on, become a hole: a block of the usual file systems.
const holeSize = 4 << 10

// noData is what a hole reads as.
var noData [holeSize]byte

// writeHoley writes p but for the zeros in it, over which it goes. What comes before p in the file is a multiple of holeSize, and who writes a hole
// at the end of a file has to say the file's size.
func writeHoley(d *disk.Disk, fd int, p []byte) error {
	for len(p) > 0 {
		n := 0
		for n < len(p) && !isHole(p[n:]) {
			n = min(n+holeSize, len(p))
		}
		if n > 0 {
			if _, err := d.WriteAll(fd, p[:n]); err != nil {
				return err
			}
		}
		p, n = p[n:], 0
		for isHole(p[n:]) {
			n += holeSize
		}
		if n > 0 {
			if _, err := unix.Seek(fd, int64(n), unix.SEEK_CUR); err != nil {
				return err
			}
		}
		p = p[n:]
	}
	return nil
}

// isHole tells whether p begins with a block of zeros.
func isHole(p []byte) bool {
	return len(p) >= holeSize && p[0] == 0 && bytes.Equal(p[:holeSize], noData[:])
}
