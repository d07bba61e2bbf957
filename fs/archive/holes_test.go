package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// sparseFile makes a file of 8 MiB with 12 KiB of data in three places.
func sparseFile(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	data := bytes.Repeat([]byte("data"), 1024)
	for _, at := range []int64{64 << 10, 1 << 20, 5<<20 + 4096} {
		_, err := f.WriteAt(data, at)
		must(t, err)
	}
	must(t, f.Truncate(8<<20), f.Close())
	raw, err := os.ReadFile(path)
	must(t, err)
	return raw
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	return st.Blocks * 512
}

// TestHolesStay: a sparse file is one in a layer too, however its tar tells: as GNU's and POSIX's sparse forms do, or
// by its zeros as Docker and we do. The tar comes out of the layer byte for byte.
func TestHolesStay(t *testing.T) {
	dir := t.TempDir()
	want := sparseFile(t, filepath.Join(dir, "f"))
	if allocated(t, filepath.Join(dir, "f")) > 1<<20 {
		t.Skip("this file system has no holes")
	}
	forms := map[string][]byte{"zeros": packed(t, dir, ".")}
	for name, args := range map[string][]string{
		"gnu": {"--format=gnu"}, "posix 0.0": {"--format=posix", "--sparse-version=0.0"},
		"posix 0.1": {"--format=posix", "--sparse-version=0.1"},
		"posix 1.0": {"--format=posix", "--sparse-version=1.0"}, "old zeros": nil,
	} {
		if args != nil {
			args = append(args, "-S")
		}
		out, err := exec.Command("tar", append(args, "-C", dir, "-cf", "-", ".")...).Output()
		if err != nil {
			t.Logf("no tar in the form %s: %v", name, err)
			continue
		}
		forms[name] = out
	}
	for name, raw := range forms {
		to := t.TempDir()
		var record, again bytes.Buffer
		size, err := Apply(context.Background(), to, bytes.NewReader(raw), Options{Record: &record})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(to, "f"))
		must(t, err)
		if !bytes.Equal(got, want) || size != int64(len(want)) {
			t.Errorf("%s: the file differs, %d bytes", name, size)
		}
		if n := allocated(t, filepath.Join(to, "f")); n > 256<<10 {
			t.Errorf("%s: the file takes %d bytes", name, n)
		}
		must(t, Rebuild(&again, to, &record))
		if !bytes.Equal(again.Bytes(), raw) {
			t.Errorf("%s: the tar comes back otherwise", name)
		}
	}
}

// TestWritesHoles: whatever is written, with zeros at any place, is read again.
func TestWritesHoles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		raw := make([]byte, random.IntN(5*foundHole))
		for range random.IntN(4) {
			if len(raw) > 0 {
				at := random.IntN(len(raw))
				for n := at; n < min(len(raw), at+random.IntN(2*foundHole)); n++ {
					raw[n] = byte(random.IntN(3))
				}
			}
		}
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		must(t, w.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: int64(len(raw))}))
		_, err := w.Write(raw)
		must(t, err, w.Close())
		dir := t.TempDir()
		_, err = Apply(context.Background(), dir, &b, Options{})
		must(t, err)
		got, err := os.ReadFile(filepath.Join(dir, "f"))
		must(t, err)
		if !bytes.Equal(got, raw) {
			t.Fatalf("%d bytes were written, %d other ones read", len(raw), len(got))
		}
	}
}

// TestCutContent: a file that ends early in its archive is an error, not a hole.
func TestCutContent(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "f", Mode: 0o644, Size: 1 << 20}))
	_, err := w.Write(make([]byte, 1<<20))
	must(t, err, w.Close())
	_, err = Apply(context.Background(), t.TempDir(), bytes.NewReader(b.Bytes()[:512+300_000]), Options{})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
}
