package overlay2

import (
	"os"
	"path/filepath"
	"testing"

	"box/fs"
	"box/fs/fstest"
)

func open(t *testing.T, root string, db fs.DB) fs.Driver {
	t.Helper()
	d, err := Open(t.Context(), root, db, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSuite(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Run(t, open)
}

func TestRootWithOddName(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	fstest.Run(t, func(t *testing.T, root string, db fs.DB) fs.Driver {
		return open(t, filepath.Join(root, "a,b:c"), db)
	})
}

func TestOptions(t *testing.T) {
	for _, row := range []struct {
		opt string
		ok  bool
	}{{"overlay2.override_kernel_check=1", true}, {"overlay2.size=1G", false}, {"dm.basesize=1G", false}} {
		if err := CheckOptions([]string{row.opt}); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.opt, err)
		}
	}
}
