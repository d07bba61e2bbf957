package archive

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/containerd/errdefs"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// hello is 300 lines of "hello", by `xz -9`.
const hello = "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4AcHABZdADQZSe6N3V3x8PcXRFCFYsMIaG72egAAAAD1NHVf4Y/bdgABMogOAAAAG/6u67HEZ/sCAAAAAARZWg=="

// packedForms are the same text in every form that a test can write.
func packedForms(t *testing.T, text []byte) map[Compression][]byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	must(t, err, z.Close())
	e, err := zstd.NewWriter(nil)
	must(t, err)
	x, err := base64.StdEncoding.DecodeString(hello)
	must(t, err)
	forms := map[Compression][]byte{Gzip: b.Bytes(), Zstd: e.EncodeAll(text, nil), Xz: x}
	c := exec.Command("bzip2", "-c")
	c.Stdin = bytes.NewReader(text)
	if out, err := c.Output(); err == nil {
		forms[Bzip2] = out
	}
	return forms
}

func unpackAll(raw []byte) (string, Compression, error) {
	r, c, err := Decompress(iotest.HalfReader(bytes.NewReader(raw)))
	if err != nil {
		return "", c, err
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	return string(out), c, err
}

// TestDecompress: each form is unpacked, several streams in a row too; what was cut, damaged or has something else
// behind it says so.
func TestDecompress(t *testing.T) {
	text := strings.Repeat("hello\n", 300)
	for form, raw := range packedForms(t, []byte(text)) {
		ok := func(what string, raw []byte, want string) {
			if got, c, err := unpackAll(raw); got != want || c != form || err != nil {
				t.Errorf("%s, %s: %d bytes of %s, %v", form, what, len(got), c, err)
			}
		}
		bad := func(what string, raw []byte, says string) {
			_, _, err := unpackAll(raw)
			if err == nil || !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), says) ||
				!strings.HasPrefix(err.Error(), string(form)+": ") {
				t.Errorf("%s, %s: %v", form, what, err)
			}
		}
		ok("one stream", raw, text)
		ok("two", append(bytes.Clone(raw), raw...), text+text)
		for n := len(raw) - 1; n > Magic; n -= 3 {
			bad("cut", raw[:n], "")
		}
		if form != Xz { // which takes a few bytes for a stream that was cut
			bad("garbage behind it", append(bytes.Clone(raw), "garbage"...), "something else follows")
		}
		bad("long garbage behind it", append(bytes.Clone(raw), strings.Repeat("garbage", 9999)...), "something else follows")
		damaged := bytes.Clone(raw)
		damaged[len(raw)-9] ^= 0xff
		bad("damaged", damaged, "")
		if form == Gzip || form == Xz {
			ok("filled up with zeros", append(bytes.Clone(raw), make([]byte, 512)...), text)
		}
	}
	// Asks for a dictionary of 4 GB
	large := []byte("\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x28\x00\x00\x00")
	if _, _, err := unpackAll(append(large, make([]byte, 1000)...)); !errdefs.IsInvalidArgument(err) {
		t.Errorf("a dictionary of 4 GB: %v", err)
	}
}

// TestNotTar: what people take for archives is called by its name.
func TestNotTar(t *testing.T) {
	for begin, want := range map[string]string{
		"":                      "empty",
		"\x7fELF\x02\x01":       "a program",
		"PK\x03\x04\x14":        "a zip archive",
		"<!DOCTYPE html>":       "a page (HTML or XML)",
		"\ufeff <?xml":          "a page (HTML or XML)",
		" {\"a\": 1":            "JSON",
		"FROM busybox\nRUN x\n": "text",
		"텍스":                    "text",
		"\xed\x85\x8d\xec":      "text", // cut in a character
		"#!/bin/sh\n":           "a script",
		"hsqs\x00":              "a file system (squashfs)",
		"\x04\x22\x4d\x18\x64":  "packed with lz4, which is not read",
		"\x00\x01\x02":          "",
		"\xff\xfe\xfd\xfc":      "",
		strings.Repeat("\x01", 1080) + "\x53\xef": "a file system (ext4)",
	} {
		if got := NotTar([]byte(begin)); got != want {
			t.Errorf("%.20q is %q, want %q", begin, got, want)
		}
	}
}

// TestCorrupt: the compression is named once, whether the library names it or not.
func TestCorrupt(t *testing.T) {
	for said, want := range map[string]string{
		"gzip: invalid header": "gzip: invalid header: invalid argument",
		"unexpected EOF":       "gzip: unexpected EOF: invalid argument",
	} {
		if err := corrupt(Gzip, errors.New(said)); err.Error() != want || !errdefs.IsInvalidArgument(err) {
			t.Errorf("%s: %v", said, err)
		}
	}
	_, _, err := Decompress(strings.NewReader("\x1f\x8b\x08\xff and no more that is a head"))
	if err != nil && strings.Count(err.Error(), "gzip") != 1 {
		t.Error(err)
	}
}
