package vfs

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
)

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

func TestSuite(t *testing.T) {
	fstest.Suite{Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		return Open(t.Context(), root, db, d, nil)
	}}.Run(t)
}

// TestQuota: limits by project quotas, of a container's own and of the daemon's.
func TestQuota(t *testing.T) {
	for _, kind := range []string{"xfs", "ext4"} {
		t.Run(kind, func(t *testing.T) {
			at := fstest.WithProjects(t, kind)
			fstest.Suite{Quota: true, Limit: 8 << 20, Root: func(t *testing.T) string { return newRoot(t, at) },
				Only: []string{"errors", "crash", "failure", "crash anywhere", "mounted", "usage", "limit"},
				Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
					return Open(t.Context(), root, db, d, []string{"size=100M"})
				}}.Run(t)
			d := opened(t, newRoot(t, at))
			layer(t, d, "base", fstest.Entry{Name: "f", Body: strings.Repeat("f", 1<<20)})
			err := d.Prepare(t.Context(), "small", "base", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: 1 << 19})
			if err == nil || !strings.Contains(err.Error(), "disk quota exceeded") {
				t.Errorf("a limit below what the image takes: %v", err)
			}
		})
	}
}

// TestNoQuota: a file system without quotas is told in Docker's words, before anything is copied.
func TestNoQuota(t *testing.T) {
	d := opened(t, newRoot(t, ""))
	if d.quota.Supported() == nil {
		t.Skip("the temporary files have project quotas")
	}
	err := d.Prepare(t.Context(), "c", "", fs.PrepareOptions{Purpose: fs.ForContainer, Quota: 1 << 20})
	const text = "Filesystem does not support, or has not enabled quotas"
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), text) {
		t.Error(err)
	}
	_, err = Open(t.Context(), newRoot(t, ""), openDB(t), nil, []string{"size=1G"})
	if !errdefs.IsFailedPrecondition(err) || !strings.Contains(err.Error(), text) {
		t.Error(err)
	}
}

func newRoot(t *testing.T, at string) string {
	t.Helper()
	if at == "" {
		at = t.TempDir()
	}
	dir, err := os.MkdirTemp(at, "root")
	must(t, err)
	return filepath.Join(dir, Name)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openDB(t *testing.T) fs.DB {
	t.Helper()
	file, err := bbolt.Open(filepath.Join(t.TempDir(), "box.db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	t.Cleanup(func() { file.Close() })
	return fstest.DB(file)
}

// driver is one with the file of its table.
type driver struct {
	*Driver
	db fs.DB
}

func opened(t *testing.T, root string) driver {
	t.Helper()
	db := openDB(t)
	d, err := Open(t.Context(), root, db, nil, nil)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return driver{d, db}
}

func layer(t *testing.T, d driver, name string, entries ...fstest.Entry) {
	t.Helper()
	must(t, d.Prepare(t.Context(), "s", "", fs.PrepareOptions{}))
	_, err := d.Apply(t.Context(), "s", bytes.NewReader(fstest.Tar(t, entries...)))
	must(t, err)
	must(t, d.db.Update(func(tx fs.Tx) error { return d.Commit(tx, fs.Commit{Staged: "s", Name: name}) }))
}

// TestCopiesShare: where the file system shares blocks, a container on a big file takes next to nothing, and writes to
// its own; holes stay holes everywhere.
func TestCopiesShare(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	const size, hole = 16 << 20, 64 << 20
	body := make([]byte, size)
	rand.Read(body)
	for kind, shares := range map[string]bool{"btrfs": true, "xfs": true, "ext4": false} {
		at := fstest.OnLoop(t, kind)
		d := opened(t, newRoot(t, at))
		layer(t, d, "base", fstest.Entry{Name: "big", Body: string(body)}, fstest.Entry{Name: "holes", Body: "x"})
		info, err := d.Stat(t.Context(), "base")
		must(t, err)
		base := filepath.Join(filepath.Dir(mustRoot(t, d, "probe", "base")), info.ID)
		must(t, os.Truncate(filepath.Join(base, "holes"), hole))
		must(t, d.Remove(t.Context(), "probe"))
		before := taken(t, at)
		root := mustRoot(t, d, "c", "base")
		more := taken(t, at) - before
		if shares && more > size/4 || !shares && (more < size || more > size+hole/4) {
			t.Errorf("%s: a copy of %d bytes takes %d more", kind, size, more)
		}
		if got, err := os.ReadFile(filepath.Join(root, "big")); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: the copy differs: %v", kind, err)
		}
		var st unix.Stat_t
		must(t, unix.Stat(filepath.Join(root, "holes"), &st))
		if st.Size != hole || st.Blocks*512 > 1<<20 {
			t.Errorf("%s: %d bytes with holes take %d", kind, st.Size, st.Blocks*512)
		}
		must(t, os.WriteFile(filepath.Join(root, "big"), []byte("own"), 0o644))
		if got, err := os.ReadFile(filepath.Join(base, "big")); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: a write to the copy changed the layer below: %v", kind, err)
		}
	}
}

func mustRoot(t *testing.T, d driver, name, parent string) string {
	t.Helper()
	must(t, d.Prepare(t.Context(), name, parent, fs.PrepareOptions{Purpose: fs.ForContainer}))
	root, _, err := d.Mounts(t.Context(), name)
	must(t, err)
	return root
}

// taken returns how many bytes of a file system are in use.
func taken(t *testing.T, at string) int64 {
	t.Helper()
	f, err := os.Open(at)
	must(t, err)
	defer f.Close()
	must(t, unix.Syncfs(int(f.Fd())))
	var st unix.Statfs_t
	must(t, unix.Statfs(at, &st))
	return int64(st.Blocks-st.Bfree) * st.Bsize
}
