package archive

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs"
)

// TestOwnersAreTheEntries: a folder with set-group-ID gives its group to nothing that an archive brings, and a folder
// that no entry describes is the container's root's.
func TestOwnersAreTheEntries(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("owners need root")
	}
	ids := []fs.IDMap{{Container: 0, Host: 100_000, Size: 65_536}}
	for _, maps := range [][]fs.IDMap{nil, ids} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{
			{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o2775, Gid: 22},
			{Name: "d/file", Typeflag: tar.TypeReg, Mode: 0o6755},
			{Name: "d/implied/below/file", Typeflag: tar.TypeReg, Mode: 0o644, Uid: 5},
			{Name: "d/sub/", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "d/link", Typeflag: tar.TypeSymlink, Linkname: "x"},
			{Name: "d/pipe", Typeflag: tar.TypeFifo, Mode: 0o600},
			{Name: "d/.wh.again", Typeflag: tar.TypeReg},
			{Name: "d/again/file", Typeflag: tar.TypeReg, Mode: 0o644},
		} {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for _, marks := range []Whiteouts{Plain, Overlay} {
			dir := t.TempDir()
			o := Options{Whiteouts: marks, UIDs: maps, GIDs: maps}
			if _, err := Apply(t.Context(), dir, bytes.NewReader(b.Bytes()), o); err != nil {
				t.Fatal(err)
			}
			root, _ := mapID(0, maps)
			for name, mode := range map[string]uint32{"d/file": 0o6755, "d/implied": 0o755, "d/implied/below": 0o755,
				"d/sub": 0o755, "d/link": 0o777, "d/pipe": 0o600, "d/again": 0o755, "d/again/file": 0o644} {
				var st unix.Stat_t
				if err := unix.Lstat(filepath.Join(dir, name), &st); err != nil {
					t.Fatal(err)
				}
				if int(st.Uid) != root || int(st.Gid) != root || st.Mode&0o7777 != mode {
					t.Errorf("%v, marks %v: %s is of %d:%d with mode %o, want %[7]d:%[7]d and %[8]o", maps, marks, name, st.Uid,
						st.Gid, st.Mode&0o7777, root, mode)
				}
			}
		}
	}
}
