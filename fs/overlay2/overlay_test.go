package overlay2

import (
	"os"
	"path/filepath"
	"testing"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func open(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
	return Open(t.Context(), root, db, d, nil)
}

func TestSuite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Suite{Open: open}.Run(t)
}

func TestRootWithOddName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Suite{Open: open, Root: func(t *testing.T) string { return filepath.Join(t.TempDir(), "a,b:c") },
		Only: []string{"stack", "view", "crash", "sweep", "many", "diff", "tree", "deep", "mounted"}}.Run(t)
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		opt string
		ok  bool
	}{{"overlay2.override_kernel_check=1", true}, {"overlay2.size=1G", true}, {"overlay2.size=much", false},
		{"overlay2.size=-1", false}, {"dm.basesize=1G", false}} {
		if err := CheckOptions([]string{row.opt}); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.opt, err)
		}
	}
}
