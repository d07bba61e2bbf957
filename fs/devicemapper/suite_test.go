package devicemapper

import (
	"errors"
	"os"
	"strings"
	"testing"

	"box/fs"
	"box/fs/devicemapper/dm"
	"box/fs/disk"
	"box/fs/fstest"
)

// TestSuite needs a kernel with a device mapper: make vm-test has one.
func TestSuite(t *testing.T) {
	control, err := dm.Open()
	if errors.Is(err, os.ErrNotExist) && os.Getenv("BOX_VM") == "" {
		t.Skip("the kernel has no device mapper")
	}
	if err != nil {
		t.Fatal(err)
	}
	control.Close()
	fstest.Suite{Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		return Open(t.Context(), root, db, d, []string{"dm.basesize=256M", "dm.loopdatasize=2G", "dm.loopmetadatasize=64M"})
	}, Quota: true, Waits: func(path string) bool { return strings.HasSuffix(path, doomed) }}.Run(t)
}
