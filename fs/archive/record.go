package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// A record is what a tar holds beside the content of its files: headers, padding and the end, as they were. Together
// with the folder it gives back the exact tar. It is a zstd stream of
//
//	magic, then parts: raw n bytes | file n path | end
//
// with n and the length of path as unsigned varints. A record without its end is damaged.
const recordMagic = "box tar record 1\n"

// Kinds of parts of a record.
const (
	partEnd  = 0
	partRaw  = 1
	partFile = 2
)

// recordWindow bounds the memory of writing and reading a record.
const recordWindow = 256 << 10

// recorder writes a record.
type recorder struct {
	z   *zstd.Encoder
	w   *bufio.Writer
	raw []byte // bytes that are not written yet, so that short pieces make one part
	err error  // the first; nothing is written after it
}

func newRecorder(w io.Writer) (*recorder, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(recordWindow), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start tar record: %w", err)
	}
	r := &recorder{z: z, w: bufio.NewWriterSize(z, 32<<10), raw: make([]byte, 0, 32<<10)}
	_, r.err = r.w.WriteString(recordMagic)
	return r, nil
}

func (r *recorder) bytes(p []byte) {
	for len(p) > 0 {
		if len(r.raw) == cap(r.raw) {
			r.flush()
		}
		n := min(len(p), cap(r.raw)-len(r.raw))
		r.raw, p = append(r.raw, p[:n]...), p[n:]
	}
}

func (r *recorder) part(kind byte, n uint64) {
	if r.err == nil {
		_, r.err = r.w.Write(binary.AppendUvarint([]byte{kind}, n))
	}
}

func (r *recorder) flush() {
	if len(r.raw) == 0 {
		return
	}
	r.part(partRaw, uint64(len(r.raw)))
	if r.err == nil {
		_, r.err = r.w.Write(r.raw)
	}
	r.raw = r.raw[:0]
}

// file says that the next size bytes of the tar are the content of the file at path.
func (r *recorder) file(path string, size int64) {
	r.flush()
	r.part(partFile, uint64(size))
	if r.err == nil {
		_, r.err = r.w.Write(binary.AppendUvarint(nil, uint64(len(path))))
	}
	if r.err == nil {
		_, r.err = r.w.WriteString(path)
	}
}

// close ends the record. Without it the record stays damaged, which is what an error before it should leave.
func (r *recorder) close() error {
	r.flush()
	r.part(partEnd, 0)
	return errors.Join(r.err, r.w.Flush(), r.z.Close())
}

// tap passes a tar on and records all of it but the content of files.
type tap struct {
	r       io.Reader
	rec     *recorder // nil for none
	content int64     // bytes to come that are content
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if t.rec != nil {
		c := int(min(int64(n), t.content))
		t.content -= int64(c)
		t.rec.bytes(p[c:n])
	}
	return n, err
}

// Rebuild writes the tar that filled the folder dir, given its record. What it writes is the tar byte for byte as
// long as nobody changed the files; a file whose size changed gives errdefs.ErrDataLoss, other changes are for the
// caller to find by digest.
func Rebuild(w io.Writer, dir string, record io.Reader) error {
	root, err := openRoot(dir)
	if err != nil {
		return fmt.Errorf("rebuild tar: %w", err)
	}
	defer root.Close()
	r := rebuilder{w: w, files: newTree(int(root.Fd())), buf: make([]byte, 256<<10)}
	defer r.files.flush()
	if err := readRecord(record, r.raw, r.file); err != nil {
		return fmt.Errorf("rebuild tar of %s: %w", dir, err)
	}
	return nil
}

// RebuildSize is how many bytes Rebuild writes, given the record alone.
func RebuildSize(record io.Reader) (size int64, err error) {
	err = readRecord(record, func(r *bufio.Reader, n int64) error {
		size += n
		if _, err := r.Discard(int(n)); err != nil {
			return damaged(err)
		}
		return nil
	}, func(_ string, n int64) error {
		size += n
		return nil
	})
	return size, err
}

// readRecord calls raw and file for the parts of a record, in order. raw reads its n bytes.
func readRecord(record io.Reader, raw func(r *bufio.Reader, n int64) error,
	file func(path string, n int64) error) error {
	z, err := zstd.NewReader(record, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(recordWindow))
	if err != nil {
		return damaged(err)
	}
	defer z.Close()
	r := bufio.NewReaderSize(z, 32<<10)
	magic := make([]byte, len(recordMagic))
	if _, err := io.ReadFull(r, magic); err != nil {
		return damaged(err)
	}
	if string(magic) != recordMagic {
		return fmt.Errorf("not a tar record: %w", errdefs.ErrDataLoss)
	}
	for {
		kind, err := r.ReadByte()
		if err != nil {
			return damaged(err)
		}
		n, err := binary.ReadUvarint(r)
		if err == nil && n > math.MaxInt64 {
			err = fmt.Errorf("part of %d bytes", n)
		}
		if err != nil {
			return damaged(err)
		}
		switch kind {
		case partEnd:
			return nil
		case partRaw:
			err = raw(r, int64(n))
		case partFile:
			var path string
			if path, err = readPath(r); err == nil {
				err = file(path, int64(n))
			}
		default:
			err = damaged(fmt.Errorf("part of kind %d", kind))
		}
		if err != nil {
			return err
		}
	}
}

func readPath(r *bufio.Reader) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err == nil && n > 2*maxPath {
		err = fmt.Errorf("path of %d bytes", n)
	}
	if err != nil {
		return "", damaged(err)
	}
	name := make([]byte, n)
	if _, err := io.ReadFull(r, name); err != nil {
		return "", damaged(err)
	}
	return string(name), nil
}

func damaged(err error) error {
	return fmt.Errorf("tar record is damaged: %w: %w", err, errdefs.ErrDataLoss)
}

type rebuilder struct {
	w     io.Writer
	files *tree
	buf   []byte
}

func (b *rebuilder) raw(r *bufio.Reader, n int64) error {
	err := copyExactly(b.w, r, n, b.buf)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(err)
	}
	return err
}

// file copies the content of a file.
func (b *rebuilder) file(name string, size int64) error {
	b.files.trim()
	f, err := b.files.file(name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(f)
	var st unix.Stat_t
	if err := unix.Fstat(f, &st); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size != size {
		return fmt.Errorf("%s is not the file of %d bytes that the layer had: %w", name, size, errdefs.ErrDataLoss)
	}
	if err := copyExactly(b.w, descriptor(f), size, b.buf); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// copyExactly copies n bytes; fewer are io.ErrUnexpectedEOF.
func copyExactly(w io.Writer, r io.Reader, n int64, buf []byte) error {
	for n > 0 {
		got, err := io.ReadFull(r, buf[:min(n, int64(len(buf)))])
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if _, err := w.Write(buf[:got]); err != nil {
			return err
		}
		n -= int64(got)
	}
	return nil
}
