package fstest

import (
	"bytes"
	"strings"

	"box/fs"
)

// exactTar: what was applied comes back byte for byte, also in archives that are made oddly.
func exactTar(b *bench) {
	long := strings.Repeat("n", 200) + "/" + strings.Repeat("m", 200)
	raw := b.layer("t", "", Entry{Name: "./"}, Entry{Name: "empty"}, Entry{Name: "dir/"},
		Entry{Name: "dir/file", Body: strings.Repeat("content ", 9999)},
		Entry{Name: long, Body: "long"}, Entry{Name: "lib/"}, Entry{Name: "l", Link: "lib"},
		Entry{Name: "l/through", Body: "a link"}, Entry{Name: ".wh.gone", Body: ""})
	var got bytes.Buffer
	b.must(b.Tar(b.Context(), "t", &got))
	if !bytes.Equal(got.Bytes(), raw) {
		b.Errorf("tar of %d bytes came back with %d and differs", len(raw), got.Len())
	}
	if size, err := b.TarSize(b.Context(), "t"); err != nil || size != int64(len(raw)) {
		b.Errorf("tar of %d bytes is said to have %d: %v", len(raw), size, err)
	}
	trailing := append(Tar(b, Entry{Name: "f", Body: "x"}), bytes.Repeat([]byte("garbage"), 1000)...)
	b.must(b.Prepare(b.Context(), "s", "", fs.PrepareOptions{}))
	_, err := b.Apply(b.Context(), "s", bytes.NewReader(trailing))
	b.must(err)
	got.Reset()
	b.must(b.Tar(b.Context(), "s", &got))
	if !bytes.Equal(got.Bytes(), trailing) {
		b.Error("what followed the archive's end did not come back")
	}
}
