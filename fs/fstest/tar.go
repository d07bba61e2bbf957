package fstest

import (
	"archive/tar"
	"bytes"
	"testing"
	"time"
)

// Entry is one entry of a tar that a test makes.
type Entry struct {
	Name string // a folder's ends in /
	Link string // target of a symbolic link; with Hard of a hard one
	Hard bool
	Body string
	Mode int64
	UID  int
	GID  int
	Type byte // for what the other fields do not say
	Dev  [2]int64
	Attr map[string]string
	Time time.Time // the zero value is When
}

// When is the time that entries carry: with nanoseconds, which a layer keeps.
func When() time.Time { return time.Unix(1_500_000_000, 123_456_789) }

// Tar makes a tar of entries, in PAX format.
func Tar(t testing.TB, entries ...Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(e.header()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.Body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (e Entry) header() *tar.Header {
	h := &tar.Header{Name: e.Name, Linkname: e.Link, Mode: e.Mode, Uid: e.UID, Gid: e.GID, Size: int64(len(e.Body)),
		Typeflag: e.Type, Devmajor: e.Dev[0], Devminor: e.Dev[1], ModTime: When(), Format: tar.FormatPAX}
	if !e.Time.IsZero() {
		h.ModTime = e.Time
	}
	if h.Mode == 0 {
		h.Mode = 0o644
	}
	for k, v := range e.Attr {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+k] = v
	}
	switch {
	case h.Typeflag != 0:
	case e.Hard:
		h.Typeflag = tar.TypeLink
	case e.Link != "":
		h.Typeflag = tar.TypeSymlink
	case e.Name[len(e.Name)-1] == '/':
		h.Typeflag = tar.TypeDir
		if e.Mode == 0 {
			h.Mode = 0o755
		}
	default:
		h.Typeflag = tar.TypeReg
	}
	return h
}
