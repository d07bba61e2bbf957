package archive

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"box/fs/disk"
)

// TestMirror: whatever a program made of a root is made of another one that began the same, and what is the same
// already is not written again.
func TestMirror(t *testing.T) {
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	begin := func() string {
		dir := t.TempDir()
		at := func(p string) string { return filepath.Join(dir, p) }
		must(t, os.MkdirAll(at("etc/deep"), 0o755), os.Mkdir(at("gone"), 0o755), os.Mkdir(at("becomes-file"), 0o755),
			os.WriteFile(at("becomes-file/x"), nil, 0o600), os.WriteFile(at("becomes-folder"), nil, 0o600),
			os.WriteFile(at("gone/file"), []byte("x"), 0o600), os.WriteFile(at("etc/same"), []byte("same"), 0o644),
			os.WriteFile(at("etc/attr"), []byte("attr"), 0o644), os.WriteFile(at("etc/one"), []byte("1"), 0o644),
			os.Link(at("etc/one"), at("etc/two")), os.Symlink("same", at("link")), os.Symlink("elsewhere", at("turns")),
			os.WriteFile(at("etc/deep/rewritten"), []byte("before"), 0o644), os.WriteFile(at("shared"), []byte("s"), 0o644))
		must(t, filepath.Walk(dir, func(p string, _ os.FileInfo, err error) error {
			ts := unix.NsecToTimespec(old.UnixNano())
			return errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
		}))
		return dir
	}
	from, to := begin(), begin()
	at := func(p string) string { return filepath.Join(from, p) }
	long := strings.Repeat("n", 250)
	must(t, os.RemoveAll(at("gone")), os.RemoveAll(at("becomes-file")), os.WriteFile(at("becomes-file"), nil, 0o604),
		os.Remove(at("becomes-folder")), os.MkdirAll(at("becomes-folder/a/b"), 0o711),
		os.WriteFile(at("becomes-folder/a/b/.wh.name"), []byte("no mark of deletion"), 0o600),
		unix.Setxattr(at("etc/attr"), "user.only", []byte("the attribute"), 0),
		os.Remove(at("etc/two")), os.WriteFile(at("etc/two"), []byte("2"), 0o644),
		os.Remove(at("link")), os.Symlink("etc", at("link")), os.Remove(at("turns")), os.Mkdir(at("turns"), 0o700),
		os.WriteFile(at("turns/"+long), nil, 0o600), os.Link(at("shared"), at("shared-too")),
		os.WriteFile(at("etc/deep/rewritten"), []byte("after!"), 0o644), os.Chtimes(at("etc/deep"), old, old.Add(7)),
		os.WriteFile(at("not-utf8-\xff"), []byte("x"), 0o600), unix.Mkfifo(at("fifo"), 0o640), os.Chmod(from, 0o1755))
	hole, err := os.Create(at("hole"))
	must(t, err, hole.Truncate(64<<20), hole.Close())
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(sock)
	t.Chdir(from)
	must(t, unix.Bind(sock, &unix.SockaddrUnix{Name: "socket"}))
	written := map[string]bool{}
	d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		written[filepath.Base(op.Path)] = true
		return do()
	}}
	must(t, Mirror(t.Context(), from, to, d))
	if written["same"] {
		t.Error("what is the same was written")
	}
	must(t, os.Remove(at("socket")), os.Chtimes(from, old, old), os.Chtimes(to, old, old))
	if a, b := packed(t, from, "/"), packed(t, to, "/"); string(a) != string(b) {
		left, err := exactly(t.Context(), to, from, true)
		t.Errorf("they differ: %v %v", left, err)
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(to, "hole"), &st))
	if st.Blocks > 64 {
		t.Errorf("a hole takes %d blocks", st.Blocks)
	}
	written = map[string]bool{}
	must(t, Mirror(t.Context(), from, to, d))
	if len(written) > 0 {
		t.Errorf("the second time %v was written", written)
	}
}

// TestMirrorDamaged: what did not arrive as it was is told, and a disk that is full.
func TestMirrorDamaged(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(from, "a"), []byte("content"), 0o600))
	d := &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		if op.Kind == disk.Write {
			copy(op.Data, "damaged")
		}
		return do()
	}}
	if err := Mirror(t.Context(), from, to, d); !errdefs.IsDataLoss(err) {
		t.Errorf("damage: %v", err)
	}
	d = &disk.Disk{Around: func(op *disk.Op, do func() error) error {
		if op.Kind == disk.Write {
			return unix.ENOSPC
		}
		return do()
	}}
	if err := Mirror(t.Context(), from, t.TempDir(), d); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("full: %v", err)
	}
}
