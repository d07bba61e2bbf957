package tree

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"box/fs/disk"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, dir string) *os.File {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// fill makes a folder with one of everything.
func fill(t *testing.T, dir string) {
	old := []unix.Timespec{{Sec: 1000}, {Sec: 2000, Nsec: 5}}
	sub := filepath.Join(dir, "sub")
	must(t,
		os.Mkdir(sub, 0o700),
		os.WriteFile(filepath.Join(sub, "set"), []byte("text"), 0o600),
		os.Link(filepath.Join(sub, "set"), filepath.Join(dir, "hard")),
		os.Symlink("../../nowhere", filepath.Join(dir, "soft")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o640),
		os.WriteFile(filepath.Join(dir, "holes"), bytes.Repeat([]byte("x"), 4096), 0o644),
		os.Truncate(filepath.Join(dir, "holes"), 1<<30),
		unix.Setxattr(sub, "user.k", []byte("v"), 0),
	)
	if os.Geteuid() == 0 {
		must(t,
			unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))),
			os.Lchown(filepath.Join(sub, "set"), 1000, 2000), os.Lchown(filepath.Join(dir, "soft"), 7, 8),
			os.Chown(dir, 1000, 2000))
	}
	must(t, unix.Chmod(filepath.Join(sub, "set"), 0o4755), unix.Chmod(dir, 0o2750))
	for _, p := range []string{filepath.Join(sub, "set"), filepath.Join(dir, "soft"), sub, dir} {
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, p, old, unix.AT_SYMLINK_NOFOLLOW))
	}
}

func TestCopyKeepsWhatFilesAre(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	fill(t, src)
	n, err := Copy(t.Context(), nil, open(t, src), open(t, dst))
	if err != nil || n < 6 {
		t.Fatal(n, err)
	}
	for _, name := range []string{".", "sub", "sub/set", "hard", "soft", "pipe", "holes", "null"} {
		var a, b unix.Stat_t
		if unix.Lstat(filepath.Join(src, name), &a) != nil {
			continue // not root: no device
		}
		must(t, unix.Lstat(filepath.Join(dst, name), &b))
		if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Rdev != b.Rdev || a.Nlink != b.Nlink ||
			a.Size != b.Size && a.Mode&unix.S_IFMT != unix.S_IFDIR || a.Mtim != b.Mtim {
			t.Errorf("%s: %+v became %+v", name, a, b)
		}
		if name == "holes" && b.Blocks > 100 {
			t.Errorf("the holes of a file were filled: %d blocks", b.Blocks)
		}
	}
	value := make([]byte, 8)
	if n, err := unix.Getxattr(filepath.Join(dst, "sub"), "user.k", value); err != nil || string(value[:n]) != "v" {
		t.Error("attribute", err, value)
	}
	if to, err := os.Readlink(filepath.Join(dst, "soft")); to != "../../nowhere" {
		t.Error(to, err)
	}
}

func TestCopyRefusesWhatIsThere(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(src, "f"), nil, 0o600), os.Symlink("/etc/passwd", filepath.Join(dst, "f")))
	if _, err := Copy(t.Context(), nil, open(t, src), open(t, dst)); err == nil || !strings.Contains(err.Error(), "/f") {
		t.Fatal(err)
	}
}

// TestCopyStaysInside: while a tree is copied, somebody replaces a folder of the copy by a link that leads out.
func TestCopyStaysInside(t *testing.T) {
	outside := t.TempDir()
	src := t.TempDir()
	for _, name := range []string{"a", "a/b", "a/b/c"} {
		must(t, os.Mkdir(filepath.Join(src, name), 0o755))
	}
	for i := range 50 {
		must(t, os.WriteFile(filepath.Join(src, "a/b", "f"+strings.Repeat("x", i)), []byte("x"), 0o644))
	}
	must(t, os.Link(filepath.Join(src, "a/b/f"), filepath.Join(src, "z")))
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		dst := t.TempDir()
		var stop atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for !stop.Load() {
				if os.Rename(filepath.Join(dst, "a"), filepath.Join(dst, "gone")) == nil {
					_ = os.Symlink(outside, filepath.Join(dst, "a"))
				}
			}
		}()
		_, _ = Copy(t.Context(), nil, open(t, src), open(t, dst)) // spoiled or not
		stop.Store(true)
		<-done
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Fatal("written outside:", left, err)
	}
}

func TestMeasureCountsAFileOnce(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1000), 0o600),
		os.Link(filepath.Join(dir, "f"), filepath.Join(dir, "g")),
		os.Mkdir(filepath.Join(dir, "d"), 0o700), os.WriteFile(filepath.Join(dir, "d/h"), make([]byte, 10), 0o600))
	u, err := Measure(t.Context(), dir)
	if err != nil || u.Bytes != 1010 || u.Inodes != 3 {
		t.Fatal(u, err)
	}
}

// TestLinkSharesFiles: a tree of links has folders of its own, with what belongs to them, and no file of its own.
func TestLinkSharesFiles(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	fill(t, src)
	entries, err := Link(t.Context(), nil, open(t, src), open(t, dst))
	must(t, err)
	seen := 0
	must(t, filepath.WalkDir(src, func(p string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(src, p)
		var was, is unix.Stat_t
		must(t, err, unix.Lstat(p, &was), unix.Lstat(filepath.Join(dst, rel), &is))
		if (was.Ino == is.Ino) == e.IsDir() {
			t.Errorf("%s: inode %d for %d", rel, is.Ino, was.Ino)
		}
		if was.Mode != is.Mode || was.Uid != is.Uid || was.Gid != is.Gid || was.Mtim != is.Mtim {
			t.Errorf("%s is otherwise: %+v, was %+v", rel, is, was)
		}
		seen++
		return nil
	}))
	if entries != seen-1 {
		t.Errorf("%d entries are said to be made, and there are %d", entries, seen-1)
	}
	must(t, os.WriteFile(filepath.Join(dst, "own"), make([]byte, 100), 0o600),
		os.Link(filepath.Join(src, "holes"), filepath.Join(dst, "sub/again")))
	u, err := MeasureBeside(t.Context(), dst, src)
	if err != nil || u.Bytes != 100 || u.Inodes != 2 { // the folder sub
		t.Error(u, err)
	}
}

// TestLinkWhereNoMoreFit: a file that has as many links as it may have is copied.
func TestLinkWhereNoMoreFit(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	fill(t, src)
	full := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		if op.Kind == disk.Link && !strings.HasSuffix(op.Path, "hard") && !strings.HasSuffix(op.Path, "set") {
			return unix.EMLINK
		}
		return do()
	}}
	_, err := Link(t.Context(), full, open(t, src), open(t, dst))
	must(t, err)
	for name, shared := range map[string]bool{"hard": true, "sub/set": true, "holes": false, "soft": false, "pipe": false} {
		var was, is unix.Stat_t
		must(t, unix.Lstat(filepath.Join(src, name), &was), unix.Lstat(filepath.Join(dst, name), &is))
		if (was.Ino == is.Ino) != shared || was.Mode != is.Mode || was.Size != is.Size || was.Mtim != is.Mtim {
			t.Errorf("%s: %+v, was %+v", name, is, was)
		}
	}
}
