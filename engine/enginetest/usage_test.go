package enginetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine"
	"box/engine/progress"
)

// shelf is an archive of images that share layers: all have ten of them, fifty have one more, and each has its own.
// It returns the bytes of all files, and of those that an image shares.
func shelf(t *testing.T, images int) (raw []byte, total, shared int64) {
	t.Helper()
	files, order := map[string]string{}, []string{"manifest.json"}
	layer := func(name string, size int) string {
		file := name + ".tar"
		if _, ok := files[file]; !ok {
			files[file] = string(tarOf(t, map[string]string{name: strings.Repeat("x", size)}, name))
			order = append(order, file)
			total += int64(size)
		}
		return file
	}
	var manifest []map[string]any
	for n := range images {
		var layers, diffs []string
		shared = 0
		for k := range 10 {
			layers = append(layers, layer(fmt.Sprint("base-", k), 1000+k))
			shared += int64(1000 + k)
		}
		layers = append(layers, layer(fmt.Sprint("group-", n/50), 300), layer(fmt.Sprint("own-", n), 77))
		shared += 300
		for _, l := range layers {
			diffs = append(diffs, fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(files[l]))))
		}
		raw, err := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux",
			"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
		must(t, err)
		config := fmt.Sprint("c", n, ".json")
		files[config], order = string(raw), append(order, config)
		manifest = append(manifest, map[string]any{"Config": config, "RepoTags": []string{fmt.Sprint("i:", n)},
			"Layers": layers})
	}
	text, err := json.Marshal(manifest)
	must(t, err)
	files["manifest.json"] = string(text)
	return tarOf(t, files, order...), total, shared
}

// TestDiskUsageOfManyImages: what 1,000 images take that share layers is known at once, and is right.
func TestDiskUsageOfManyImages(t *testing.T) { eachDriver(t, manyImages) }

func manyImages(t *testing.T, driver string) {
	const images = 1000
	w, err := open(t, filepath.Join(home(t), "w"), driver, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	raw, total, shared := shelf(t, images)
	before, err := w.e.DiskUsage(t.Context(), engine.DiskUsageOf{Images: true})
	must(t, err)
	must(t, w.e.Load(t.Context(), bytes.NewReader(raw), engine.LoadOptions{}, func(progress.Line) error { return nil }))
	best := time.Hour
	var u engine.DiskUsage
	for range 5 {
		began := time.Now()
		u, err = w.e.DiskUsage(t.Context(), engine.DiskUsageOf{Images: true})
		must(t, err)
		best = min(best, time.Since(began))
	}
	t.Logf("%d images in %s", len(u.Images), best)
	if got := u.Layers - before.Layers; got != total || len(u.Images)-len(before.Images) != images {
		t.Errorf("%d images of %d bytes, want %d", len(u.Images), got, total)
	}
	for _, i := range u.Images {
		if len(i.RepoTags) == 1 && strings.HasPrefix(i.RepoTags[0], "i:") && (i.SharedSize != shared || i.Size != shared+77) {
			t.Fatalf("%v: %d bytes, of which %d are shared, want %d", i.RepoTags, i.Size, i.SharedSize, shared)
		}
	}
	if driver == "overlay2" {
		if du := fileBytes(t, filepath.Join(w.dir, "data", "overlay2", "*", "diff")); u.Layers != du {
			t.Errorf("all images take %d bytes, and the disk has %d", u.Layers, du)
		}
	}
	if best > 100*time.Millisecond {
		t.Errorf("it takes %s", best)
	}
}

// fileBytes is what the files below folders hold.
func fileBytes(t *testing.T, pattern string) (bytes int64) {
	t.Helper()
	dirs, err := filepath.Glob(pattern)
	must(t, err)
	for _, dir := range dirs {
		must(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				bytes += info.Size()
			}
			return err
		}))
	}
	return bytes
}
