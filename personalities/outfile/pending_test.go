package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPending: a file that is not committed has no name where the file system can do without, and leaves none
// anywhere; one that is takes the place of another, or of nothing.
func TestPending(t *testing.T) {
	for _, way := range []struct {
		name  string
		begin func(*os.File) (*Pending, error)
		names int // of a file that is being written
	}{{"without a name", unnamed, 0}, {"with a name", named, 1}} {
		t.Run(way.name, func(t *testing.T) {
			at := t.TempDir()
			dir, err := os.Open(at)
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			names := func() int {
				all, err := os.ReadDir(at)
				if err != nil {
					t.Fatal(err)
				}
				return len(all)
			}
			begin := func(content string) *Pending {
				p, err := way.begin(dir)
				if err != nil {
					t.Skip("the file system cannot:", err)
				}
				if _, err := p.WriteString(content); err != nil {
					t.Fatal(err)
				}
				return p
			}
			p := begin("given up")
			if n := names(); n != way.names {
				t.Errorf("%d names while it is written, want %d", n, way.names)
			}
			p.Discard()
			if n := names(); n != 0 {
				t.Errorf("%d names after it was given up", n)
			}
			for _, content := range []string{"first", "second"} {
				p = begin(content)
				err := p.Commit("f")
				p.Discard()
				if raw, readErr := os.ReadFile(filepath.Join(at, "f")); string(raw) != content || errors.Join(err, readErr) != nil {
					t.Errorf("%q, %v", raw, errors.Join(err, readErr))
				}
			}
			if err := os.Mkdir(filepath.Join(at, "folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := begin("third").Commit("folder"); err == nil {
				t.Error("a folder was replaced")
			}
			if n := names(); n != 2 {
				t.Errorf("%d names at the end, want 2", n)
			}
		})
	}
}

// watcher is a stream that looks while it is read.
type watcher struct {
	from io.Reader
	look func()
}

func (w watcher) Read(p []byte) (int, error) { w.look(); return w.from.Read(p) }

// TestStreamIsNotSeen: while a stream is written, nothing of it is in the folder, so that a kill leaves nothing;
// afterwards the file is all there is.
func TestStreamIsNotSeen(t *testing.T) {
	dir := t.TempDir()
	in, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p, err := unnamed(in)
	if err != nil {
		t.Skip("the file system cannot:", err)
	}
	p.Discard()
	for _, there := range []int{0, 1} { // nothing, and a file that is replaced
		looked := 0
		look := func() {
			looked++
			if all, _ := os.ReadDir(dir); len(all) != there {
				t.Errorf("%v while it is written", all)
			}
		}
		if err := Stream(filepath.Join(dir, "f"), watcher{strings.NewReader("content"), look}, 0o640); err != nil ||
			looked == 0 {
			t.Error(err, looked)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "f"))
	if all, _ := os.ReadDir(dir); len(all) != 1 || err != nil || info.Mode() != fs.FileMode(0o640) {
		t.Errorf("%v, %v %v", all, info, err)
	}
}
