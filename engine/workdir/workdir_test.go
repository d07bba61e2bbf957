package workdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"box/fs/inroot/inroottest"
)

// TestMake: whatever the root has, nothing beside it is made or changed.
func TestMake(t *testing.T) { inroottest.Kernels(t, testMake) }

func testMake(t *testing.T) {
	for _, row := range []struct{ dir, made, err string }{
		{"/new", "new", ""},
		{"/new/deep/er", "new/deep/er", ""},
		{"/", ".", ""},
		{"/there/x", "there/x", ""},
		{"/up/x", "x", ""},                   // ../../.. ends at the root
		{"/host/x", "outside/x", ""},         // an absolute link is one in the root
		{"/gone/sub", "nowhere/yet/sub", ""}, // a link without a target
		{"/far/sub", "there/nowhere/sub", ""},
		{"/file", "", "Cannot mkdir: /file is not a directory"},
		{"/file/x", "", "Cannot mkdir: /file/x is not a directory"},
		{"/tofile/x/y", "", "Cannot mkdir: /tofile/x/y is not a directory"},
		{"/loop/x", "", "too many levels of symbolic links"},
		{"/fifo", "", "Cannot mkdir: /fifo is not a directory"},
	} {
		base := t.TempDir()
		root := filepath.Join(base, "root")
		must(t, os.MkdirAll(filepath.Join(root, "there"), 0o755))
		must(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o644))
		must(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
		for link, to := range map[string]string{"up": "../../..", "host": "/outside", "gone": "/nowhere/yet",
			"far": "there/nowhere", "loop": "loop", "tofile": "file"} {
			must(t, os.Symlink(to, filepath.Join(root, link)))
		}
		fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY, 0)
		must(t, err)
		before, errExists := Exists(fd, row.dir)
		err = Make(nil, fd, row.dir, os.Getuid(), os.Getgid())
		switch {
		case row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)):
			t.Errorf("%s: %v", row.dir, err)
		case row.err != "" && errExists == nil:
			t.Errorf("%s: nothing wrong before", row.dir)
		case row.err == "" && (err != nil || before != (row.dir == "/")):
			t.Errorf("%s: %v, there before: %v", row.dir, err, before)
		}
		if row.made != "" {
			if st, err := os.Lstat(filepath.Join(root, row.made)); err != nil || !st.IsDir() {
				t.Errorf("%s: %v", row.dir, err)
			}
			if there, err := Exists(fd, row.dir); !there || err != nil {
				t.Errorf("%s: %v, %v", row.dir, there, err)
			}
		}
		unix.Close(fd)
		if beside, _ := os.ReadDir(base); len(beside) != 1 {
			t.Errorf("%s: made outside: %v", row.dir, beside)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
