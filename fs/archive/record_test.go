package archive

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// exactTars are tars that differ in all that is not the content of files.
func exactTars(t *testing.T) map[string][]byte {
	t.Helper()
	entries := []entry{folderOf("./"), folderOf("d/"), file("./d/f", strings.Repeat("content ", 2000)),
		file("//empty", ""), file("d/./odd", strings.Repeat("x", 512)),
		link("l", "d"), file("l/g", "by a link"), hard("h", "d/f"), file(".wh.gone", ""), {tar.TypeFifo, "p", ""}}
	plain := layer(t, nil, entries...)
	tars := map[string][]byte{
		"plain": plain, "nothing": {}, "zeros alone": make([]byte, 1024), "one block of zeros": make([]byte, 512),
		"without an end":         plain[:len(plain)-1024],
		"half an end":            plain[:len(plain)-512],
		"filled up":              append(bytes.Clone(plain), make([]byte, 9000)...),
		"something behind":       append(bytes.Clone(plain), "what nobody reads"...),
		"another behind the end": append(bytes.Clone(plain), plain...),
		"a member of all headers": layer(t, func(h *tar.Header) {
			h.Format, h.PAXRecords = tar.FormatPAX, map[string]string{"comment": "x", "VENDOR.y": "z"}
		}, entries...),
		"old numbers":           layer(t, func(h *tar.Header) { h.Format, h.Uid = tar.FormatGNU, 1<<28 }, entries[2:3]...),
		"with a header for all": append(global(t), plain...),
		"files of 32 kB and a bit": layer(t, nil, file("a", strings.Repeat("a", 32<<10)),
			file("b", strings.Repeat("b", 32<<10+1)), file("c", strings.Repeat("c", 256<<10))),
	}
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/d", 0o755), os.WriteFile(dir+"/d/f", []byte("x"), 0o640), os.Symlink("d", dir+"/l"),
		os.Link(dir+"/d/f", dir+"/h"))
	for _, format := range []string{"v7", "oldgnu", "gnu", "ustar", "posix"} {
		out, err := exec.Command("tar", "--format="+format, "-C", dir, "-cf", "-", ".").Output()
		must(t, err)
		tars["tar --format="+format] = out
	}
	return tars
}

func global(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "for all"}}
	must(t, w.WriteHeader(h), w.Flush())
	return b.Bytes()
}

// TestExactTar: every tar comes out of its folder and its record byte for byte, and its length out of the record alone.
func TestExactTar(t *testing.T) {
	for name, raw := range exactTars(t) {
		dir := t.TempDir()
		var record, again bytes.Buffer
		if _, err := Apply(t.Context(), dir, bytes.NewReader(raw), Options{Record: &record}); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size, err := RebuildSize(bytes.NewReader(record.Bytes()))
		if err != nil || size != int64(len(raw)) {
			t.Errorf("%s: its length is said to be %d, it is %d, %v", name, size, len(raw), err)
		}
		if err := Rebuild(&again, dir, &record); err != nil || !bytes.Equal(again.Bytes(), raw) {
			t.Errorf("%s: %d bytes come back of %d, %v", name, again.Len(), len(raw), err)
		}
	}
}

// applied is a folder with a file in a folder, and the record of it.
func applied(t *testing.T) (dir string, record []byte) {
	t.Helper()
	dir = t.TempDir()
	var b bytes.Buffer
	_, err := Apply(t.Context(), dir,
		bytes.NewReader(layer(t, nil, file("d/f", "content"), file("g", strings.Repeat("x", 70_000)))), Options{Record: &b})
	must(t, err)
	return dir, b.Bytes()
}

// TestRebuildOfChanged: a folder that is not what it was gives an error and never waits, follows or invents.
func TestRebuildOfChanged(t *testing.T) {
	for what, row := range map[string]struct {
		change func(dir string) error
		lost   bool
	}{
		"longer": {func(dir string) error { return os.WriteFile(dir+"/d/f", []byte("content and more"), 0o600) },
			true},
		"shorter":            {func(dir string) error { return os.Truncate(dir+"/d/f", 3) }, true},
		"gone":               {func(dir string) error { return os.Remove(dir + "/d/f") }, false},
		"its folder is gone": {func(dir string) error { return os.RemoveAll(dir + "/d") }, false},
		"a link": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/f"), os.Symlink("/etc/passwd", dir+"/d/f"))
		}, false},
		"a pipe": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/f"),
				unix.Mkfifo(dir+"/d/f", 0o600))
		}, true},
		"a folder": {func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/f"),
				os.Mkdir(dir+"/d/f", 0o700))
		}, true},
		"its folder is a file": {func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/d"),
				os.WriteFile(dir+"/d", nil, 0o600))
		}, false},
		"its folder leads out": {func(dir string) error {
			out := dir + "-out"
			return errors.Join(os.RemoveAll(dir+"/d"), os.Mkdir(out, 0o700), os.WriteFile(out+"/f", []byte("SECRETS"), 0o600),
				os.Symlink(out, dir+"/d"))
		}, false},
	} {
		dir, record := applied(t)
		must(t, row.change(dir))
		var out bytes.Buffer
		opened := open(t)
		err := Rebuild(&out, dir, bytes.NewReader(record))
		if err == nil || errdefs.IsDataLoss(err) != row.lost || bytes.Contains(out.Bytes(), []byte("SECRETS")) ||
			!strings.Contains(err.Error(), "d/f") {
			t.Errorf("%s: %v", what, err)
		}
		if n := open(t) - opened; n != 0 {
			t.Errorf("%s: %d descriptors are left", what, n)
		}
	}
	if err := Rebuild(&bytes.Buffer{}, t.TempDir()+"/none", nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	dir, record := applied(t)
	for _, after := range []int{0, 600, 3000} {
		if err := Rebuild(&failingWriter{after: after}, dir, bytes.NewReader(record)); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("a reader that goes away after %d bytes: %v", after, err)
		}
	}
}

// TestDamagedRecords: a record that was cut anywhere, or says what cannot be, is data that is lost, not a shorter tar.
func TestDamagedRecords(t *testing.T) {
	dir, good := applied(t)
	check := func(what string, record []byte) {
		t.Helper()
		err := Rebuild(&bytes.Buffer{}, dir, bytes.NewReader(record))
		_, sizeErr := RebuildSize(bytes.NewReader(record))
		if !errdefs.IsDataLoss(err) || !errdefs.IsDataLoss(sizeErr) {
			t.Errorf("%s: %v; its size: %v", what, err, sizeErr)
		}
	}
	for n := range len(good) {
		check("cut", good[:n])
	}
	check("empty", nil)
	check("text", []byte("no record"))
	z, err := zstd.NewWriter(nil)
	must(t, err)
	raw := func(parts ...[]byte) []byte { return z.EncodeAll(bytes.Join(parts, nil), nil) }
	part := func(kind byte, n uint64) []byte { return binary.AppendUvarint([]byte{kind}, n) }
	magic := []byte(recordMagic)
	for what, record := range map[string][]byte{
		"another magic":        raw([]byte("box tar record 2\n"), part(partEnd, 0)),
		"no end":               raw(magic, part(partRaw, 3), []byte("abc")),
		"a part that is short": raw(magic, part(partRaw, 30), []byte("abc")),
		"a part without end":   raw(magic, part(partRaw, 1<<62), []byte("abc")),
		"a size of no number":  raw(magic, part(partRaw, 1<<63)),
		"a number too long":    raw(magic, []byte{partRaw}, bytes.Repeat([]byte{0xff}, 11)),
		"a kind that is none":  raw(magic, part(9, 0)),
		"a path without end":   raw(magic, part(partFile, 1), binary.AppendUvarint(nil, 1<<40), []byte("x")),
		"a path that is short": raw(magic, part(partFile, 1), binary.AppendUvarint(nil, 10), []byte("x")),
	} {
		check(what, record)
	}
	// One that names what is not in the folder reads nothing outside.
	for _, name := range []string{"../../../../etc/passwd", "/etc/passwd", "..", "", "d/../../x"} {
		record := raw(magic, part(partFile, 7), binary.AppendUvarint(nil, uint64(len(name))), []byte(name), part(partEnd, 0))
		var out bytes.Buffer
		if err := Rebuild(&out, dir, bytes.NewReader(record)); err == nil || out.Len() > 0 {
			t.Errorf("%q gives %d bytes, %v", name, out.Len(), err)
		}
	}
}
