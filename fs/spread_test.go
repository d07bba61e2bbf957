package fs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSpread makes both kinds of ext4: the flag is set on the one without a journal, and nothing is done on the other and on a tmpfs.
func TestSpread(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	for _, need := range []string{"mke2fs", "/dev/loop-control"} {
		if _, err := exec.LookPath(need); err != nil {
			if _, err := os.Stat(need); err != nil {
				t.Skipf("there is no %s", need)
			}
		}
	}
	for _, row := range []struct {
		make string // of the file system's, "" for a tmpfs
		want bool
	}{{"-O ^has_journal", true}, {"-O has_journal", false}, {"", false}} {
		dir := t.TempDir()
		image := filepath.Join(t.TempDir(), "image")
		command := []string{"mount", "-t", "tmpfs", "tmpfs", dir}
		if row.make != "" {
			if err := errorsOf(os.WriteFile(image, nil, 0o600), os.Truncate(image, 16<<20)); err != nil {
				t.Fatal(err)
			}
			run(t, append(append([]string{"mke2fs", "-q", "-F", "-t", "ext4"}, strings.Fields(row.make)...), image)...)
			command = []string{"mount", "-o", "loop", image, dir}
		}
		run(t, command...)
		err := Spread(dir)
		flags := flagsOf(t, dir)
		if unmount := unix.Unmount(dir, unix.MNT_DETACH); unmount != nil {
			t.Error(unmount)
		}
		if err != nil || (flags&topOfHierarchy != 0) != row.want {
			t.Errorf("file system made with %q: flags %#x (%v)", row.make, flags, err)
		}
	}
	if err := Spread(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func flagsOf(t *testing.T, dir string) int {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, _ := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS) // a tmpfs may have none
	return flags
}

func errorsOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}

func run(t *testing.T, command ...string) {
	t.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", command[0], err, out)
	}
}
