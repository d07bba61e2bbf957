package fstest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

// diff: what a container changed is told, and its tar on the same parent gives the same files.
func diff(b *bench) {
	d, ok := b.Driver.(fs.Differ)
	if !ok {
		b.Skip("the driver does not tell changes")
	}
	if os.Geteuid() != 0 {
		b.Skip("mounts and owners need root")
	}
	b.layer("low", "", Entry{Name: "etc/"}, Entry{Name: "etc/passwd", Body: "p"}, Entry{Name: "etc/group", Body: "g"},
		Entry{Name: "var/"}, Entry{Name: "var/old", Body: "old"}, Entry{Name: "var/sub/"},
		Entry{Name: "var/sub/x", Body: "x"},
		Entry{Name: "bin/"}, Entry{Name: "bin/ls", Body: "ls"}, Entry{Name: "root/"}, Entry{Name: "same/"},
		Entry{Name: "same/f", Body: "f"})
	b.layer("mid", "low", Entry{Name: "etc/.wh.group"}, Entry{Name: "etc/shadow", Body: "s"})
	b.container("before", "mid")
	b.container("c", "before")
	root, _ := b.mounted("c")
	at := func(p string) string { return filepath.Join(root, p) }
	steps := []error{
		os.MkdirAll(at("a/b"), 0o755), os.WriteFile(at("a/b/f"), []byte("new"), 0o640), os.Chown(at("a/b/f"), 5, 6),
		os.WriteFile(at("etc/passwd"), []byte("longer"), 0o644),
		os.Remove(at("etc/shadow")),
		os.Chmod(at("root"), 0o700),
		os.RemoveAll(at("var")), os.Mkdir(at("var"), 0o755), os.Mkdir(at("var/sub"), 0o755),
		os.WriteFile(at("var/sub/y"), nil, 0o644),
		os.Remove(at("bin/ls")), os.Mkdir(at("bin/ls"), 0o755), os.WriteFile(at("bin/ls/z"), nil, 0o644),
		os.Link(at("a/b/f"), at("a/hard")), os.Symlink("f", at("a/soft")), unix.Mkfifo(at("a/pipe"), 0o600),
		os.Mkdir(at("gone"), 0o755), os.Remove(at("gone")), os.WriteFile(at("etc/group"), []byte("again"), 0o644),
		unix.Setxattr(at("a/b/f"), "user.note", []byte("n\x00te"), 0),
	}
	b.must(errors.Join(steps...))
	changes, err := d.Changes(b.Context(), "c")
	b.must(err)
	want := []string{"A /a", "A /a/b", "A /a/b/f", "A /a/hard", "A /a/pipe", "A /a/soft", "C /bin", "C /bin/ls",
		"A /bin/ls/z", "C /etc",
		"A /etc/group", "C /etc/passwd", "D /etc/shadow", "C /root", "C /var", "D /var/old", "C /var/sub", "D /var/sub/x",
		"A /var/sub/y"}
	if got := lines(changes); !slices.Equal(got, want) {
		b.Errorf("changes are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var layer bytes.Buffer
	b.must(d.Diff(b.Context(), "c", &layer))
	hardLinks(b, layer.Bytes())
	b.must(b.Prepare(b.Context(), "staged", "mid", fs.PrepareOptions{}))
	size, err := b.Apply(b.Context(), "staged", bytes.NewReader(layer.Bytes()))
	b.must(err)
	b.must(b.db.Update(func(tx fs.Tx) error {
		return b.Commit(tx, fs.Commit{Staged: "staged", Name: "new", Parent: "mid", Size: size})
	}))
	b.container("again", "new")
	copied, _ := b.mounted("again")
	left, err := archive.Compare(b.Context(), root, copied, nil)
	if err != nil || len(left) > 0 {
		b.Errorf("the layer gives other files: %v %v", lines(left), err)
	}
	b.container("still", "new")
	none, err := d.Changes(b.Context(), "still")
	if err != nil || len(none) > 0 {
		b.Errorf("an unused container has changes: %v %v", none, err)
	}
	var empty bytes.Buffer
	b.must(d.Diff(b.Context(), "still", &empty))
	if !bytes.Equal(empty.Bytes(), make([]byte, 1024)) {
		b.Errorf("tar of no change has %d bytes", empty.Len())
	}
}

func lines(changes []fs.Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%c %s", "CAD"[c.Kind], c.Path))
	}
	return out
}

// hardLinks checks that a file with two names is in a tar once.
func hardLinks(b *bench, raw []byte) {
	r := tar.NewReader(bytes.NewReader(raw))
	links := 0
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		b.must(err)
		if h.Typeflag == tar.TypeLink {
			links++
		}
		if h.ModTime.Nanosecond() != 0 {
			b.Errorf("%s: a layer has whole seconds, not %v", h.Name, h.ModTime)
		}
	}
	if links != 1 {
		b.Errorf("%d hard links in the tar, want 1", links)
	}
}
