package archive

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/therootcompany/xz"
)

// Compression is the compression of a stream.
type Compression string

// Compressions that Decompress recognises.
const (
	None  Compression = ""
	Gzip  Compression = "gzip"
	Zstd  Compression = "zstd"
	Bzip2 Compression = "bzip2"
	Xz    Compression = "xz"
)

// zstdWindow limits the memory of the decoder (RFC 8878, section 3.1.1.1.2 recommends at least 8 MB; zstd uses up to
// 128 MB by default).
const zstdWindow = 128 << 20

// xzDictionary is the limit for xz: that of its highest level.
const xzDictionary = 64 << 20

// Magic is how many bytes Detect needs.
const Magic = 6

// Detect recognises a compression by the first bytes of a stream.
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

// Decompress decompresses r as its first bytes require; an uncompressed stream is returned as it is. Closing the result
// does not close r.
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
			return nil, c, corrupt(Gzip, err)
		}
		z.Multistream(false)
		return &unpacked{&members{b, z}, c, false, z.Close}, c, nil
	case Zstd:
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, c, fmt.Errorf("zstd: %w", Invalid(err))
		}
		return &unpacked{z, c, false, func() error { z.Close(); return nil }}, c, nil
	case Bzip2:
		return &unpacked{bzip2.NewReader(b), c, false, func() error { return nil }}, c, nil
	case Xz:
		z, err := xz.NewReader(b, xzDictionary)
		if err != nil {
			return nil, c, fmt.Errorf("xz: %w", Invalid(err))
		}
		return &unpacked{z, c, false, func() error { return nil }}, c, nil
	}
	return io.NopCloser(b), None, nil
}

// members is a gzip file of several members. Zeros may follow them, as in gzip(1).
type members struct {
	b *bufio.Reader
	z *gzip.Reader
}

// Read implements io.Reader.
func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if n > 0 && errors.Is(err, io.EOF) {
			err = nil
		}
		if n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := m.next(); err != nil {
			return 0, err
		}
	}
}

// next starts the next member, or returns io.EOF.
func (m *members) next() error {
	for {
		c, err := m.b.ReadByte()
		if err != nil {
			return err
		}
		if c == 0 {
			continue
		}
		if err := m.b.UnreadByte(); err != nil {
			return err
		}
		if head, _ := m.b.Peek(Magic); Detect(head) != Gzip {
			return gzip.ErrHeader
		}
		if err := m.z.Reset(m.b); err != nil {
			return err
		}
		m.z.Multistream(false)
		return nil
	}
}

// unpacked adds the name of the compression to errors, which are the sender's fault.
type unpacked struct {
	io.Reader
	c     Compression
	begun bool
	close func() error
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	u.begun = u.begun || n > 0
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case u.begun && isCorrupt(err):
		err = fmt.Errorf("%s: something else follows the end of what is packed: %w", u.c, errdefs.ErrInvalidArgument)
	default:
		err = corrupt(u.c, err)
	}
	return n, err
}

// isCorrupt matches errors of decompressors about invalid data.
func isCorrupt(err error) bool {
	var structure bzip2.StructuralError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, xz.ErrFormat) ||
		errors.As(err, &structure) && structure == "bad magic value in continuation file"
}

// Close implements io.Closer.
func (u *unpacked) Close() error { return u.close() }

// corrupt says that compressed data cannot be read. Some libraries start their errors with the name of the format,
// others do not.
func corrupt(c Compression, err error) error {
	if strings.HasPrefix(err.Error(), string(c)+": ") {
		return Invalid(err)
	}
	return fmt.Errorf("%s: %w", c, Invalid(err))
}
