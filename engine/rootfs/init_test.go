package rootfs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// fill runs Fill on a folder as the user who tests.
func fill(t *testing.T, dir string) error {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	return Fill(nil, fd, 0, 0)
}

// TestFill: every entry is made as what it is, twice changes nothing, and folders that are there stay with what is in
// them.
func TestFill(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc/resolv.conf/kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := fill(t, dir); err != nil {
			t.Fatal(err)
		}
	}
	for path, kind := range map[string]os.FileMode{
		"dev/pts": os.ModeDir, "dev/shm": os.ModeDir, "proc": os.ModeDir, "sys": os.ModeDir, "dev/console": 0,
		".dockerenv": 0, "etc/hosts": 0,
		"etc/hostname": 0, "etc/mtab": os.ModeSymlink, "etc/resolv.conf/kept": os.ModeDir,
	} {
		if st, err := os.Lstat(filepath.Join(dir, path)); err != nil || st.Mode().Type() != kind {
			t.Errorf("%s: %v, %v", path, st, err)
		}
	}
}

// TestFillHostile: links of an image lead nowhere: what they stand for gives way, and what they point at is as before.
func TestFillHostile(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "hosts"), []byte("host's"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, links := range []map[string]string{
		{"etc": outside},
		{"dev": "/dev"},
		{"proc": outside, "sys": outside},
		{"etc": "../../../../../../" + outside},
		{"etc": "/proc/self/cwd"},
		{"dev": "etc", "etc": "dev"},
		{"etc": ""},
	} {
		dir := t.TempDir()
		for at, to := range links {
			var err error
			if to == "" {
				err = os.WriteFile(filepath.Join(dir, at), []byte("a file"), 0o600)
			} else {
				err = os.Symlink(to, filepath.Join(dir, at))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := fill(t, dir); err != nil {
			t.Errorf("%v: %v", links, err)
		}
		for at := range links {
			if st, err := os.Lstat(filepath.Join(dir, at)); err != nil || !st.IsDir() {
				t.Errorf("%v: %s is %v, %v", links, at, st, err)
			}
		}
		entries, err := os.ReadDir(outside)
		if raw, _ := os.ReadFile(filepath.Join(outside, "hosts")); err != nil || len(entries) != 1 ||
			string(raw) != "host's" {
			t.Errorf("%v: outside there is %v", links, entries)
		}
	}
}

// TestFillLinkInPlace: a link in the place of an entry is replaced, and what it points at not touched.
func TestFillLinkInPlace(t *testing.T) {
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hosts", "hostname", "mtab"} {
		if err := os.Symlink(victim, filepath.Join(dir, "etc", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := fill(t, dir); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(victim); err != nil || string(raw) != "x" {
		t.Errorf("%q %v", raw, err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "etc/mtab")); err != nil || to != "/proc/mounts" {
		t.Error(to, err)
	}
}
