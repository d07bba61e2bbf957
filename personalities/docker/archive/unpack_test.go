package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("not a tar"))
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "a/../../b", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644})
	w.Write([]byte("x"))
	w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		base := t.TempDir()
		inside := filepath.Join(base, "in")
		os.Mkdir(inside, 0o755)
		root, err := os.OpenRoot(inside)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		u := Unpacker{Root: root, Rename: func(n string) string { return n }}
		_ = u.Unpack(io.LimitReader(bytes.NewReader(in), 1<<20))
		if left, _ := os.ReadDir(base); len(left) != 1 {
			t.Errorf("written beside the folder: %v", left)
		}
	})
}

// TestAttributesGoAlong: what a tree has besides its content survives the way into a tar and out of it.
func TestAttributesGoAlong(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "f"), []byte("x"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(filepath.Join(from, "f"), "user.note", []byte("a\x00b"), 0); err != nil {
		t.Skip("no attributes of users here:", err)
	}
	at := time.Unix(1_500_000_000, 123456789)
	if err := os.Chtimes(filepath.Join(from, "f"), at, at); err != nil {
		t.Fatal(err)
	}
	archive := PipeTar(func(w *TarWriter) error { return w.Tree(from, ".") })
	defer archive.Close()
	root, err := os.OpenRoot(to)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	u := Unpacker{Root: root, Rename: func(n string) string { return n }}
	if err := u.Unpack(archive); err != nil {
		t.Fatal(err)
	}
	var v [8]byte
	n, err := unix.Getxattr(filepath.Join(to, "f"), "user.note", v[:])
	if err != nil || string(v[:n]) != "a\x00b" {
		t.Errorf("%q, %v", v[:max(n, 0)], err)
	}
	info, err := os.Stat(filepath.Join(to, "f"))
	if err != nil || !info.ModTime().Equal(at) || info.Mode() != 0o640 {
		t.Error(info.ModTime(), info.Mode(), err)
	}
}
