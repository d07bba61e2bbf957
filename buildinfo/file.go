package buildinfo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime/debug"
)

// What the linker writes into an executable (cmd/link, buildinfo.go): a magic on a multiple of 16, the kind of what
// follows, and at byte 32 two strings, each with its length as a varint: the version of Go, and the modules between
// two marks of 16 bytes. The package debug/buildinfo finds it in five formats of executables.
const (
	magic      = "\xff Go buildinf:"
	alignment  = 16
	header     = 32
	inlined    = 2 // bit of the byte after the pointer size, which follows the magic
	mark       = 16
	maxModules = 1 << 20
	chunk      = 1 << 20 // a multiple of alignment
)

// ReadFile returns the build of another file of box, which it does not execute.
func ReadFile(path string) (Build, error) {
	f, err := os.Open(path)
	if err != nil {
		return Build{}, err
	}
	defer f.Close()
	part := make([]byte, chunk)
	for at := int64(0); ; at += chunk {
		n, err := f.ReadAt(part, at)
		if err != nil && err != io.EOF {
			return Build{}, err
		}
		for i := 0; i+alignment <= n; i += alignment {
			if bytes.HasPrefix(part[i:], []byte(magic)) && part[i+len(magic)+1]&inlined != 0 {
				if info, err := modules(f, at+int64(i)+header); err == nil {
					return of(info), nil
				}
			}
		}
		if n < chunk {
			return Build{}, fmt.Errorf("%s was not built by Go", path)
		}
	}
}

// modules reads the two strings at an offset.
func modules(r io.ReaderAt, at int64) (*debug.BuildInfo, error) {
	raw := make([]byte, maxModules)
	n, err := r.ReadAt(raw, at)
	if err != nil && err != io.EOF {
		return nil, err
	}
	_, raw, err = text(raw[:n])
	if err != nil {
		return nil, err
	}
	list, _, err := text(raw)
	if err != nil || len(list) < 2*mark {
		return nil, fmt.Errorf("no modules: %w", err)
	}
	return debug.ParseBuildInfo(list[mark : len(list)-mark])
}

// text cuts a string off.
func text(b []byte) (s string, rest []byte, err error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return "", nil, io.ErrUnexpectedEOF
	}
	b = b[n:]
	return string(b[:length]), b[length:], nil
}
