package overlay2

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func openDB(t *testing.T) fs.DB {
	t.Helper()
	file, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return fstest.DB(file)
}

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// TestQuota: limits by project quotas, of a container's own and of the daemon's.
func TestQuota(t *testing.T) {
	for _, kind := range []string{"xfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			at := fstest.WithProjects(t, kind)
			root := func(t *testing.T) string {
				dir, err := os.MkdirTemp(at, "root")
				if err != nil {
					t.Fatal(err)
				}
				return filepath.Join(dir, Name)
			}
			suite := fstest.Suite{Quota: true, Limit: 8 << 20, Root: root,
				Only: []string{"errors", "crash", "failure", "crash anywhere", "mounted", "usage", "limit"},
				Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
					return Open(t.Context(), root, db, d, []string{"overlay2.size=100M"})
				}}
			suite.Run(t)
			// An administrator may limit the whole data root, to which the containers' folders then do not belong.
			suite.Only = []string{"limit", "mounted", "crash"}
			suite.Root = func(t *testing.T) string {
				dir := root(t)
				setProject(t, filepath.Dir(dir), 77)
				return dir
			}
			suite.Run(t)
		})
	}
}

// setProject makes a folder and what comes into it part of a project.
func setProject(t *testing.T, dir string, id uint32) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var a [28]byte // struct fsxattr
	for _, call := range []uintptr{0x801c581f, 0x401c5820} {
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), call, uintptr(unsafe.Pointer(&a))); e != 0 {
			t.Fatal(e)
		}
		binary.NativeEndian.PutUint32(a[:], binary.NativeEndian.Uint32(a[:])|0x200)
		binary.NativeEndian.PutUint32(a[12:], id)
	}
}

// TestNoQuota: a file system without quotas is named, in Docker's words.
func TestNoQuota(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("overlay mounts need root")
	}
	for _, row := range []struct {
		at, text string
	}{
		{fstest.OnLoop(t, "xfs"), "Storage option overlay2.size not supported. Filesystem does not support Project Quota: "},
		{fstest.OnLoop(t, "ext4"), "Storage Option overlay2.size only supported for backingFS XFS. Found extfs"},
	} {
		root := filepath.Join(row.at, Name)
		d, err := open(t, root, openDB(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Prepare(t.Context(), "c", "", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: 1 << 20})
		if !errdefs.IsNotImplemented(err) {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		_, err = Open(t.Context(), root, openDB(t), nil, []string{"overlay2.size=1G"})
		if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), row.text) {
			t.Error(err)
		}
		if left, err := os.ReadDir(root); err != nil || len(left) != 1 { // l
			t.Errorf("left is %v: %v", left, err)
		}
	}
}
