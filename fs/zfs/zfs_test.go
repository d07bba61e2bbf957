package zfs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/disk"
	"box/fs/fstest"
	"box/fs/snapshots"
	"box/fs/zfs/control"
	"box/fs/zfs/nvlist"
)

func TestMain(m *testing.M) { os.Exit(fstest.Apart(m)) }

// TestSuite is the suite on the kernel's ZFS, in datasets of the one that BOX_ZFS names: make vm-test has one.
func TestSuite(t *testing.T) {
	within := os.Getenv("BOX_ZFS")
	if _, err := os.Stat(control.Path); err != nil || within == "" {
		t.Skip("there is no ZFS here")
	}
	dev, err := control.Open()
	must(t, err)
	defer dev.Close()
	parents := map[string]string{} // by root
	fstest.Suite{Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		return Open(t.Context(), root, db, d, []string{"zfs.fsname=" + parents[root]})
	}, Root: func(t *testing.T) string {
		root := t.TempDir()
		name := fmt.Sprintf("%s/%d", within, len(parents))
		parents[root] = name
		must(t, dev.Create(name, nvlist.List{}))
		t.Cleanup(func() { destroyAll(t, dev, name) })
		return root
	}, Quota: true}.Run(t)
}

// destroyAll destroys a dataset with all that a test left in it, clones before what they are made of.
func destroyAll(t *testing.T, dev *control.Device, name string) {
	s := &datasets{dev: dev}
	made := map[string]uint64{}
	var names []string
	err := dev.Children(name, func(child string, p control.Properties) error {
		made[child], _ = p.Number("createtxg")
		names = append(names, child)
		return nil
	})
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(made[b], made[a]) })
	for _, child := range append(names, name) {
		err = errors.Join(err, s.destroy(child))
	}
	if err != nil {
		t.Error(err)
	}
}

// TestSuiteOnMock is the part of the suite that needs no file system of its own.
func TestSuiteOnMock(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	kernels := map[string]*kernel{} // by root, since a driver is opened again
	fstest.Suite{Open: func(t *testing.T, root string, db fs.DB, d *disk.Disk) (fs.Driver, error) {
		if kernels[root] == nil {
			kernels[root] = newKernel(t, "tank", "tank/docker", "tank/docker/of-others")
			t.Cleanup(func() {
				if names := kernels[root].names(""); !slices.Contains(names, "tank/docker/of-others") {
					t.Error("a dataset of others is gone:", names)
				}
			})
		}
		return openMock(t, kernels[root], root, db, d)
	}, Quota: true, Only: []string{"stack", "tar", "errors", "children", "view", "deferred", "crash", "sweep", "commit",
		"diff", "usage", "failure", "crash anywhere"}}.Run(t)
}

func openMock(t *testing.T, k *kernel, root string, db fs.DB, d *disk.Disk) (*snapshots.Driver, error) {
	return openOn(t.Context(), root, db, &datasets{dev: k.device(), disk: d, within: "tank/docker", owner: root,
		mount: k.mount})
}

func newDriver(t *testing.T, k *kernel, root string) *snapshots.Driver {
	t.Helper()
	b, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	t.Cleanup(func() { b.Close() })
	d, err := openMock(t, k, root, fstest.DB(b), nil)
	must(t, err)
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// settles waits until the datasets are those.
func settles(t *testing.T, k *kernel, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		have := k.names("tank/docker/")
		if slices.Equal(have, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are %q, want %q", have, want)
		}
	}
}

func container() fs.PrepareOptions { return fs.PrepareOptions{Purpose: fs.ForContainer} }

// TestRemove: what is in use is destroyed later and its name is free at once; what programs made in a dataset and
// snapshots by others go with it; datasets that are not of this data root stay.
func TestRemove(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	k, root := newKernel(t, "tank", "tank/docker", "tank/docker/mine"), t.TempDir()
	d := newDriver(t, k, root)
	ctx := t.Context()
	if err := d.Prepare(ctx, "mine", "", container()); !errors.Is(err, unix.EEXIST) {
		t.Error("a dataset that is there is taken:", err)
	}
	settles(t, k, "tank/docker/mine")
	must(t, d.Prepare(ctx, "c", "", container()))
	must(t, d.Prepare(ctx, "on-c", "c", container()))
	for _, name := range []string{"c/in", "c/in/it", "c@daily", "c/in@daily"} {
		k.mu.Lock()
		k.props["tank/docker/"+name] = nvlist.List{}
		k.mu.Unlock()
	}
	settles(t, k, "tank/docker/c", "tank/docker/c/in", "tank/docker/c/in/it", "tank/docker/c/in@daily",
		"tank/docker/c@daily", "tank/docker/c@layer", "tank/docker/mine", "tank/docker/on-c")
	k.mu.Lock()
	k.busy["tank/docker/on-c"] = true
	k.mu.Unlock()
	must(t, d.Remove(ctx, "on-c"))
	must(t, d.Prepare(ctx, "on-c", "c", container()))
	must(t, d.Remove(ctx, "on-c"))
	must(t, d.Remove(ctx, "c"))
	settles(t, k, "tank/docker/mine", "tank/docker/on-c.removing")
	k.mu.Lock()
	k.busy["tank/docker/on-c.removing"] = false
	k.mu.Unlock()
	settles(t, k, "tank/docker/mine")
	must(t, d.Close())
}

// TestOrphans: datasets of this data root that no layer has are destroyed, and layers without one are told.
func TestOrphans(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	k, root := newKernel(t, "tank", "tank/docker"), t.TempDir()
	d := newDriver(t, k, root)
	must(t, d.Prepare(t.Context(), "orphan", "", container()))
	must(t, d.Close())
	other := newDriver(t, k, t.TempDir()) // of another data root on the same dataset
	must(t, other.Prepare(t.Context(), "others", "", container()))
	settles(t, k, "tank/docker/orphan", "tank/docker/others")
	d = newDriver(t, k, root) // the table is lost
	settles(t, k, "tank/docker/others")
	left, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	must(t, d.Close())
	must(t, other.Close())
}

// TestMissing: a layer whose dataset somebody destroyed is told by name.
func TestMissing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	k, root := newKernel(t, "tank", "tank/docker"), t.TempDir()
	b, err := bbolt.Open(filepath.Join(t.TempDir(), "db"), 0o600, &bbolt.Options{NoSync: true})
	must(t, err)
	defer b.Close()
	d, err := openMock(t, k, root, fstest.DB(b), nil)
	must(t, err)
	must(t, d.Prepare(t.Context(), "c", "", container()))
	must(t, d.Close())
	must(t, k.device().Destroy("tank/docker/c"))
	d, err = openMock(t, k, root, fstest.DB(b), nil)
	must(t, err)
	if faults := d.Faults(); len(faults) != 1 || !strings.Contains(faults[0], "layer c is missing") {
		t.Error(faults)
	}
	must(t, d.Close())
}

// TestInfo: the lines and the data of inspect are Docker's, and a size is a quota.
func TestInfo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	k, root := newKernel(t, "tank", "tank/docker"), t.TempDir()
	number := func(name string, n uint64) nvlist.Pair {
		return nvlist.Pair{Name: name, Value: nvlist.List{{Name: "value", Value: n}}}
	}
	k.props["tank/docker"] = nvlist.List{number("used", 4096), number("available", 1<<40), number("quota", 0),
		number("compression", 15)}
	d := newDriver(t, k, root)
	want := [][2]string{{"Zpool", "tank"}, {"Zpool Health", "DEGRADED"}, {"Parent Dataset", "tank/docker"},
		{"Space Used By Parent", "4096"}, {"Space Available", "1099511627776"}, {"Parent Quota", "no"},
		{"Compression", "lz4"}}
	if got := d.Status(); !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
	k.props["tank/docker"] = nvlist.List{number("quota", 1<<30)}
	if got := d.Status(); got[5][1] != "1073741824" || got[6][1] != "off" && got[6][1] != "on" {
		t.Errorf("%q", got)
	}
	o := container()
	o.Quota = 5 << 20
	must(t, d.Prepare(t.Context(), "c", "", o))
	if p, err := k.device().Stats("tank/docker/c"); err != nil {
		t.Error(err)
	} else if n, _ := p.Number("quota"); n != 5<<20 || p.Local("mountpoint", "tank/docker/c") != "legacy" {
		t.Error(n, p)
	}
	at, err := d.Folders(t.Context(), "c")
	data := map[string]string{"Dataset": "tank/docker/c", "Mountpoint": filepath.Join(root, "graph/c")}
	if err != nil || !reflect.DeepEqual(at, data) {
		t.Error(at, err)
	}
	if _, err := d.Folders(t.Context(), "none"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	must(t, d.Remove(t.Context(), "c"))
	must(t, d.Close())
}

// TestCompression: values are called as zfs(8) calls them.
func TestCompression(t *testing.T) {
	for n, want := range map[uint64]string{1: "on", 2: "off", 3: "lzjb", 5: "gzip-1", 10: "gzip", 13: "gzip-9", 15: "lz4",
		16: "zstd", 16 | 3<<7: "zstd-3", 16 | 19<<7: "zstd-19", 16 | 103<<7: "zstd-fast", 16 | 112<<7: "zstd-fast-10",
		16 | 113<<7: "zstd-fast-20", 16 | 123<<7: "zstd-fast-1000", 99: "99"} {
		if got := compression(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for version, want := range map[string]string{"2.1.11-1+deb12u1": "off", "0.8.6-1": "off", "2.2.0-1": "on", "3.0": "on",
		"": "off"} {
		if got := unsetCompression(version); got != want {
			t.Errorf("%s: %s", version, got)
		}
	}
}

// TestOptions: zfs.fsname alone is taken, with the name of a dataset.
func TestOptions(t *testing.T) {
	if got, err := parent([]string{"zfs.fsname=tank/my docker:1.0_x-y"}); err != nil || got != "tank/my docker:1.0_x-y" {
		t.Error(got, err)
	}
	if got, err := parent([]string{"ZFS.fsname=tank"}); err != nil || got != "tank" {
		t.Error(got, err)
	}
	for opt, want := range map[string]string{"zfs.fsname=": "no name", "zfs.fsname=/tank": "no name",
		"zfs.fsname=tank/":   "no name",
		"zfs.fsname=tank//a": "no name", "zfs.fsname=tank/../a": "no name", "zfs.fsname=tank@a": "no name",
		"zfs.fsname=tank/%recv": "no name", "zfs.fsname=a\x00b": "no name", "zfs.size=1G": "zfs.size is not known to zfs",
		"size=1G": "size is not known to zfs", "zfs.fsname=t/" + strings.Repeat("a", maxParent): "no name"} {
		if err := CheckOptions([]string{opt}); !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", opt, err)
		}
	}
}

// TestMissingParts: what is missing is named with what would bring it, and a dataset that is not there is not made.
func TestMissingParts(t *testing.T) {
	root := filepath.Join(t.TempDir(), "zfs")
	_, err := Open(t.Context(), root, nil, nil, nil)
	want := "is not on ZFS"
	if _, statErr := os.Stat(control.Path); statErr != nil {
		want = "the kernel has no /dev/zfs"
	}
	if On(root) {
		t.Skip("the temporary files are on ZFS")
	}
	for _, err := range []error{err, Works(filepath.Dir(root))} {
		for _, text := range []string{want, "would bring it"} {
			if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), text) {
				t.Error(err)
			}
		}
	}
	_, err = datasetOf(root)
	if !errdefs.IsNotImplemented(err) || !strings.Contains(err.Error(), "zfs.fsname=POOL/DATASET") {
		t.Error(err)
	}
	_, err = openMock(t, newKernel(t, "tank"), root, nil, nil)
	if !errdefs.IsInvalidArgument(err) || !strings.Contains(err.Error(), "there is no dataset tank/docker") {
		t.Error(err)
	}
	if _, err := os.Lstat(root); err == nil {
		t.Error("what was refused left its folder")
	}
}

// TestExact: what a staged layer's dataset holds is what was applied, and it is made of one snapshot a layer.
func TestExact(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	k := newKernel(t, "tank", "tank/docker")
	d := newDriver(t, k, t.TempDir())
	ctx := t.Context()
	must(t, d.Prepare(ctx, "s", "", fs.PrepareOptions{}))
	raw := fstest.Tar(t, fstest.Entry{Name: "f", Body: "f"})
	if n, err := d.Apply(ctx, "s", bytes.NewReader(raw)); err != nil || n != 1 {
		t.Error(n, err)
	}
	var out bytes.Buffer
	must(t, d.Tar(ctx, "s", &out))
	if !bytes.Equal(out.Bytes(), raw) {
		t.Error("another tar")
	}
	o := container()
	o.Deferred = true
	for _, name := range []string{"a", "b", "c"} {
		must(t, d.Prepare(ctx, name, "s", o))
	}
	names := k.names("tank/docker/")
	if len(names) != 5 || !slices.ContainsFunc(names, func(s string) bool { return strings.HasSuffix(s, "@layer") }) {
		t.Error(names)
	}
	for _, name := range []string{"a", "b", "c", "s"} {
		must(t, d.Remove(ctx, name))
	}
	settles(t, k)
	must(t, d.Close())
}
