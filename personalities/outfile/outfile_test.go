package outfile

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"
)

// specials makes one of everything that is no regular file in a folder, and returns their names.
func specials(t *testing.T, dir string) []string {
	t.Helper()
	if err := errors.Join(unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		os.Mkdir(filepath.Join(dir, "folder"), 0o700)); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	names := []string{"pipe", "folder", "socket"}
	if os.Getuid() == 0 {
		for name, kind := range map[string]uint32{"char": unix.S_IFCHR, "block": unix.S_IFBLK} {
			if err := unix.Mknod(filepath.Join(dir, name), kind|0o600, int(unix.Mkdev(1, 3))); err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
	}
	for _, name := range names {
		if err := os.Symlink(name, filepath.Join(dir, "to-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestReplaceRefusesSpecial(t *testing.T) {
	dir := t.TempDir()
	for _, name := range specials(t, dir) {
		before, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, "to-"+name)} {
			if err := Replace(path, []byte("x"), 0o600); !errors.Is(err, ErrSpecial) {
				t.Errorf("%s: %v", path, err)
			}
		}
		after, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is another: %v", name, err)
		}
		if err := Replaceable(filepath.Join(dir, name)); !errors.Is(err, ErrSpecial) {
			t.Errorf("%s: %v", name, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestReplace(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]string // a content, or "->" and a target
		path  string
		want  string // the file that has the new content
	}{
		{"absent", nil, "f", "f"},
		{"a file", map[string]string{"f": "old"}, "f", "f"},
		{"a link", map[string]string{"f": "old", "l": "->f"}, "l", "f"},
		{"a link to nothing", map[string]string{"l": "->f"}, "l", "f"},
		{"a link that leads up", map[string]string{"a/b/l": "->../f", "d": "->a/b"}, "d/l", "a/f"},
		{"links", map[string]string{"k": "->l", "l": "->./d/f", "d/f": "old"}, "k", "d/f"},
	} {
		dir := t.TempDir()
		for name, content := range row.files {
			path := filepath.Join(dir, name)
			os.MkdirAll(filepath.Dir(path), 0o700)
			if target, ok := strings.CutPrefix(content, "->"); ok {
				os.Symlink(target, path)
			} else {
				os.WriteFile(path, []byte(content), 0o600)
			}
		}
		if err := Replace(filepath.Join(dir, row.path), []byte("new"), 0o640); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		info, err := os.Lstat(filepath.Join(dir, row.want))
		raw, readErr := os.ReadFile(filepath.Join(dir, row.want))
		if err != nil || readErr != nil || string(raw) != "new" || info.Mode() != 0o640 {
			t.Errorf("%s: %q, %v, %v %v", row.name, raw, info, err, readErr)
		}
		for name, content := range row.files {
			if target, ok := strings.CutPrefix(content, "->"); ok {
				if got, _ := os.Readlink(filepath.Join(dir, name)); got != target {
					t.Errorf("%s: link %s leads to %q", row.name, name, got)
				}
			}
		}
	}
	dir := t.TempDir()
	os.Symlink("b", filepath.Join(dir, "a"))
	os.Symlink("a", filepath.Join(dir, "b"))
	if err := Replace(filepath.Join(dir, "a"), nil, 0o600); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a ring: %v", err)
	}
}

func TestStream(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	os.WriteFile(path, []byte("old"), 0o600)
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if err := Stream(path, broken, 0o600); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if raw, _ := os.ReadFile(path); string(raw) != "old" {
		t.Errorf("%q after a stream that broke off", raw)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
	if err := Stream("/dev/null", strings.NewReader("x"), 0o600); err != nil {
		t.Error(err)
	}
	if err := Stream(dir, strings.NewReader("x"), 0o600); !errors.Is(err, ErrSpecial) {
		t.Errorf("a folder: %v", err)
	}
}

// A stream to a pipe, or to a link in /proc, goes to who reads there.
func TestStreamIntoPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	opened, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	for path, from := range map[string]*os.File{pipe: opened, "/proc/self/fd/" + strconv.Itoa(int(w.Fd())): r} {
		if err := Stream(path, strings.NewReader("data"), 0o600); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(from, got); err != nil || string(got) != "data" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if info, err := os.Lstat(pipe); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("%v, %v", info, err)
	}
}
