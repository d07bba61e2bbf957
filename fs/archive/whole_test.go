package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestWhole: a tar is passed on as it is, and one that was cut anywhere, between two entries too, ends in an error.
func TestWhole(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"a", "b"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: 5, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte("12345")) // a bytes.Buffer takes everything
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, read := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader,
		iotest.DataErrReader} {
		got, err := io.ReadAll(Whole(read(bytes.NewReader(b.Bytes()))))
		if err != nil || !bytes.Equal(got, b.Bytes()) {
			t.Errorf("%d of %d bytes: %v", len(got), b.Len(), err)
		}
		for _, n := range []int{0, 100, 512, 1024, 1030, 2048} {
			if _, err := io.ReadAll(Whole(read(bytes.NewReader(b.Bytes()[:n])))); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d: %v", n, err)
			}
		}
	}
}
