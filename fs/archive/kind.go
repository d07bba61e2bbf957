package archive

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// kinds are the first bytes of files that people mistake for archives.
var kinds = []struct {
	at         int
	magic, one string
}{
	{0, "\x7fELF", "a program"},
	{0, "PK\x03\x04", "a zip archive"},
	{0, "PK\x05\x06", "a zip archive"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-zip archive"},
	{0, "Rar!\x1a\x07", "a rar archive"},
	{0, "!<arch>\n", "a package or library (ar)"},
	{0, "\xed\xab\xee\xdb", "an RPM package"},
	{0, "070701", "a cpio archive"},
	{0, "070702", "a cpio archive"},
	{0, "070707", "a cpio archive"},
	{0, "\xc7\x71", "a cpio archive"},
	{0, "hsqs", "a file system (squashfs)"},
	{0, "QFI\xfb", "the disk of a virtual machine (qcow)"},
	{0, "\x04\x22\x4d\x18", "packed with lz4, which is not read"},
	{0, "\x89LZO\x00", "packed with lzop, which is not read"},
	{0, "LZIP", "packed with lzip, which is not read"},
	{0, "\x1f\x9d", "packed with compress, which is not read"},
	{0, "\x5d\x00\x00", "packed with lzma, which is not read"},
	{0, "#!", "a script"},
	{510, "\x55\xaa", "a disk with partitions"},
	{1080, "\x53\xef", "a file system (ext4)"},
}

// NotTar describes a stream that is not a tar, with an article, by its first bytes, or returns "" if they are not
// known.
func NotTar(begin []byte) string {
	for _, k := range kinds {
		if len(begin) >= k.at && bytes.HasPrefix(begin[k.at:], []byte(k.magic)) {
			return k.one
		}
	}
	text := bytes.TrimLeft(begin, " \t\r\n\ufeff")
	switch {
	case len(begin) == 0:
		return "empty"
	case !isText(begin):
		return ""
	case len(text) > 0 && text[0] == '<':
		return "a page (HTML or XML)"
	case len(text) > 0 && (text[0] == '{' || text[0] == '['):
		return "JSON"
	}
	return "text"
}

// isText tells whether p is text. Its last character may be incomplete.
func isText(p []byte) bool {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		if r == utf8.RuneError && n == 1 && utf8.FullRune(p) || r < ' ' && !strings.ContainsRune("\t\r\n\f", r) {
			return false
		}
		p = p[n:]
	}
	return true
}
