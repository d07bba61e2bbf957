package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Compression is how a stream is packed.
type Compression string

// The ways of packing that Decompress knows by their first bytes.
const (
	None  Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
	Bzip2 Compression = "bzip2"
	Xz    Compression = "xz"
)

// zstdWindow bounds what a stream may make the decoder hold (RFC 8878, section 3.1.1.1.2 recommends 8 MB as the least; zstd
// itself takes up to 128 MB without being told to).
const zstdWindow = 128 << 20

// Magic is how many bytes Detect wants to see.
const Magic = 6

// Detect tells the compression from the first bytes of a stream.
func Detect(head []byte) Compression {
	for _, m := range []struct {
		magic string
		c     Compression
	}{
		{"\x1f\x8b\x08", Gzip},
		{"\x28\xb5\x2f\xfd", Zstd},
		{"BZh", Bzip2},
		{"\xfd7zXZ\x00", Xz},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.c
		}
	}
	// A skippable frame may come before the first one (RFC 8878, section 3.1.2).
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte("\x2a\x4d\x18")) {
		return Zstd
	}
	return None
}

// Decompress unpacks r by what its first bytes say; what is not packed is given as it is. Closing the result does not close r.
func Decompress(r io.Reader) (io.ReadCloser, Compression, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	head, err := b.Peek(Magic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, None, err
	}
	c := Detect(head)
	switch c {
	case Gzip:
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, c, fmt.Errorf("gzip: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		return &unpacked{z, c, z.Close}, c, nil
	case Zstd:
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, c, fmt.Errorf("zstd: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		return &unpacked{z, c, func() error { z.Close(); return nil }}, c, nil
	case Bzip2:
		return &unpacked{bzip2.NewReader(b), c, func() error { return nil }}, c, nil
	case Xz:
		return nil, c, fmt.Errorf("archive is packed with xz, which box does not read: unpack it first: %w", errdefs.ErrNotImplemented)
	}
	return io.NopCloser(b), None, nil
}

// unpacked names the compression in errors of the stream, which are the sender's fault.
type unpacked struct {
	io.Reader
	c     Compression
	close func() error
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w: %w", u.c, err, errdefs.ErrInvalidArgument)
	}
	return n, err
}

// Close implements io.Closer.
func (u *unpacked) Close() error { return u.close() }
