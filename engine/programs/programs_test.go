package programs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMissing(t *testing.T) {
	for _, row := range []struct {
		name  string
		files map[string]os.FileMode
		typed string
		want  string
	}{
		{"a shell and more", map[string]os.FileMode{"bin/sh": 0o755, "bin/ls": 0o755, "bin/readme": 0o644}, "nosuch",
			"the image has 2 programs in /bin, such as sh, ls"},
		{"one that is near", map[string]os.FileMode{"bin/sh": 0o755, "usr/bin/python3.11": 0o755, "bin/aa": 0o755}, "python",
			"the image has 3 programs in /usr/bin, /bin, such as python3.11, sh, aa"},
		{"one program at the top", map[string]os.FileMode{"app": 0o755, "data": 0o600}, "sh",
			"the image has nothing in its PATH, and at its top /app"},
		{"nothing", nil, "sh", "the image has no programs in its PATH"},
		{"a path is no name", map[string]os.FileMode{"bin/sh": 0o755}, "/bin/nosuch", ""},
		{"a name to trick a terminal", map[string]os.FileMode{"bin/\x1b[2J\xff": 0o755}, "x",
			"the image has 1 programs in /bin, such as ?[2J\ufffd"},
	} {
		root := t.TempDir()
		for name, mode := range row.files {
			path := filepath.Join(root, name)
			os.MkdirAll(filepath.Dir(path), 0o755)
			if err := os.WriteFile(path, nil, mode); err != nil {
				t.Fatal(err)
			}
		}
		open := func(p string, flags int) (int, error) { return unix.Open(filepath.Join(root, p), flags, 0) }
		if got := Missing(open, row.typed, "/usr/local/bin:/usr/bin:/bin:relative::"); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// An image with very many folders in its PATH, and files in them, is looked at for no long time.
func TestMissingIsBounded(t *testing.T) {
	root := t.TempDir()
	for n := range 300 {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprint("p", n)), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	open := func(string, int) (int, error) {
		opened++
		return unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	}
	if got := Missing(open, "x", strings.Repeat("/bin:", 5000)); opened != mostFolders || len(got) > 1000 {
		t.Errorf("%d folders opened: %s", opened, got)
	}
}
