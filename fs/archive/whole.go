package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
)

// block is the unit of a tar, in bytes.
const block = 512

// Whole passes a tar on and gives an error in place of the end when it has none of its own: blocks of zeros (POSIX
// pax, "ustar Interchange Format"). Where nobody knows a digest, this tells a tar that was cut between two entries.
func Whole(r io.Reader) io.Reader { return &whole{r: r} }

type whole struct {
	r     io.Reader
	zeros int // bytes at the end of what was read
	total int64
}

// Read implements io.Reader.
func (w *whole) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.total += int64(n)
	if rest := len(bytes.TrimRight(p[:n], "\x00")); rest > 0 {
		w.zeros = n - rest
	} else {
		w.zeros = min(w.zeros+n, block)
	}
	if errors.Is(err, io.EOF) && (w.total%block != 0 || w.zeros < block) {
		return n, fmt.Errorf("tar ends early, after %d bytes: %w: %w", w.total, io.ErrUnexpectedEOF,
			errdefs.ErrInvalidArgument)
	}
	return n, err
}
