package mount

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func pathOnly(t *testing.T, p string) int {
	t.Helper()
	fd, err := unix.Open(p, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestApart(t *testing.T) {
	needRoot(t)
	root, source := t.TempDir(), t.TempDir()
	for _, p := range []string{root + "/rw", root + "/ro"} {
		if err := os.Mkdir(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(source+"/f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	view := -1
	err := Apart(func() (err error) {
		if err := Bind(pathOnly(t, source), pathOnly(t, root+"/rw"), false); err != nil {
			return err
		}
		if err := Bind(pathOnly(t, source), pathOnly(t, root+"/ro"), true); err != nil {
			return err
		}
		view, err = Clone(root)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(view)
	for _, name := range []string{"rw/f", "ro/f"} {
		var st unix.Stat_t
		if err := unix.Fstatat(view, name, &st, 0); err != nil {
			t.Errorf("%s in the view: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s shows outside", name)
		}
	}
	if fd, err := unix.Openat(view, "rw/new", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600); err != nil {
		t.Error(err)
	} else {
		unix.Close(fd)
	}
	if _, err := unix.Openat(view, "ro/new2", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600); err != unix.EROFS {
		t.Error("read-only bind was written to:", err)
	}
	if _, err := os.Stat(source + "/new"); err != nil {
		t.Error(err)
	}
}
