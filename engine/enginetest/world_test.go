package enginetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"

	"box/engine"
	"box/engine/state"
	"box/fs"
	"box/fs/disk"
	"box/fs/drivers"
	"box/fs/tree"
)

// world is an engine on a data root of its own.
type world struct {
	t   testing.TB
	dir string
	e   *engine.Engine
}

// home is where worlds are: in memory where that can be, since their syncs are written down and not needed.
func home(t testing.TB) string {
	base := ""
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		base = "/dev/shm"
	}
	dir, err := os.MkdirTemp(base, "box-disk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// thorough tells whether every fault and every disk is to be tried, which takes minutes: BOX_ALL_FAULTS=1.
func thorough() bool { return os.Getenv("BOX_ALL_FAULTS") != "" }

// eachDriver runs a test on every storage driver that works here.
func eachDriver(t *testing.T, fn func(t *testing.T, driver string)) {
	for _, driver := range drivers.Names() {
		t.Run(driver, func(t *testing.T) {
			w, err := open(t, filepath.Join(home(t), "try"), driver, nil)
			if errdefs.IsNotImplemented(err) {
				t.Skip("the driver does not work here:", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.close()
			fn(t, driver)
		})
	}
}

// open opens an engine on the folder dir; d is the kernel's when it is nil.
func open(t testing.TB, dir, driver string, d *disk.Disk) (*world, error) {
	w := &world{t: t, dir: dir}
	e, err := engine.Open(t.Context(), options(dir, driver, d))
	w.e = e
	return w, err
}

func options(dir, driver string, d *disk.Disk) engine.Options {
	root := filepath.Join(dir, "data")
	watched := func(db *state.DB) fs.DB {
		if d != nil {
			tap(db.Bolt(), d)
		}
		return db.Layers()
	}
	return engine.Options{
		Root: root, Run: filepath.Join(dir, "run"), Tasks: NewLauncher(), Log: slog.New(slog.DiscardHandler),
		NoRestarts: true, Disk: d,
		Layers: func(ctx context.Context, db *state.DB) (fs.Driver, error) {
			return openDriver(ctx, root, driver, watched(db), d)
		},
		OtherLayers: func(ctx context.Context, db *state.DB, name string, _ []string) (fs.Driver, error) {
			return openDriver(ctx, root, name, db.Layers(), d)
		},
		RecoverLayers: func(_ context.Context, db *state.DB, wanted func(string) bool) (map[string]fs.Recovered, error) {
			return drivers.Recover(root, watched(db), d, wanted)
		},
	}
}

func (w *world) close() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.e.Close(ctx); err != nil {
		w.t.Error("close:", err)
	}
}

// copyFolder copies a data root; sockets and what runs do not come along.
func copyFolder(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(to, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(filepath.Join(from, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Open(filepath.Join(to, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	if _, err := tree.Copy(t.Context(), nil, src, dst); err != nil {
		t.Fatal(err)
	}
}

// facts are all that was acknowledged, in lines: images with their names and their whole content, containers, volumes.
func (w *world) facts() string {
	var lines []string
	note := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	images, err := w.e.Images(w.t.Context(), engine.ImageList{})
	if err != nil {
		note("images: %v", err)
	}
	for _, i := range images {
		slices.Sort(i.RepoTags)
		sum := sha256.New()
		if err := w.e.Save(w.t.Context(), []string{i.ID}, nil, sum); err != nil {
			note("save %s: %v", i.ID, err)
		}
		if id := i.ID; slices.Contains(i.RepoTags, "made:1") {
			note("image of a container %q %v", i.RepoTags, id != "") // its date is in it
			continue
		}
		note("image %s %q %x", i.ID, i.RepoTags, sum.Sum(nil)[:4])
	}
	containers, err := w.e.List(w.t.Context(), engine.ListOptions{All: true})
	if err != nil {
		note("containers: %v", err)
	}
	for _, c := range containers {
		i, err := w.e.Inspect(w.t.Context(), c.ID, false)
		if err != nil {
			note("inspect %s: %v", c.ID, err)
			continue
		}
		note("container %s of %s, shares %d, dead %v", i.Name, i.Image, i.HostConfig.CPUShares, i.State.Dead)
	}
	volumes, err := w.e.Volumes(nil)
	if err != nil {
		note("volumes: %v", err)
	}
	for _, v := range volumes {
		_, err := os.Stat(v.Mountpoint)
		name := v.Name
		if len(name) == 64 {
			name = "without a name"
		}
		note("volume %s %v %v", name, v.Labels, err != nil)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// files count what is on the disk, so that nothing half made stays.
func (w *world) files() string {
	var b strings.Builder
	for _, dir := range []string{"overlay2", "overlay2/l", "vfs/dir", "vfs/tar-split", "vfs/rows", "content",
		"content/sha256", "content/rows", "containers", "volumes"} {
		entries, _ := os.ReadDir(filepath.Join(w.dir, "data", dir))
		fmt.Fprintf(&b, "%s %d, ", dir, len(entries))
	}
	return b.String()
}

// picture is facts and files.
type picture struct{ facts, files string }

func (w *world) picture() picture { return picture{w.facts(), w.files()} }

// settles waits until the picture is one of those, since what is left is deleted in the background, and returns what
// it is.
func (w *world) settles(all ...picture) (picture, bool) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p := w.picture()
		if slices.Contains(all, p) {
			return p, true
		}
		if time.Now().After(end) {
			return p, false
		}
	}
}
