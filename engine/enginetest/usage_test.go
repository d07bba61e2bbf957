package enginetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/moby/moby/api/types/container"

	"box/engine"
	"box/engine/progress"
	"box/engine/request"
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

// TestDiskUsageOfManyContainers: what 1,000 containers that do not run take, and volumes that nobody uses, is known at
// once and is right; what a program, or a copy into a container, writes is seen at once.
func TestDiskUsageOfManyContainers(t *testing.T) { eachDriver(t, manyContainers) }

func manyContainers(t *testing.T, driver string) {
	containers := 1000
	if driver != "overlay2" {
		containers = 50 // each has a copy of the image
	}
	w, err := open(t, filepath.Join(home(t), "w"), driver, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	must(t, w.e.Load(ctx, bytes.NewReader(archive(t, "base:1", "base")), engine.LoadOptions{},
		func(progress.Line) error { return nil }))
	var wrote int64
	var making sync.WaitGroup
	for first := range 8 {
		making.Go(func() {
			for n := first; n < containers; n += 8 {
				name := fmt.Sprint("c", n)
				_, err := w.e.Create(ctx, request.Create{Name: name, Config: &api.Config{Image: "base:1", Cmd: []string{"run"}},
					Host: &api.HostConfig{NetworkMode: "host", IpcMode: "none", Binds: []string{name + ":/data"}}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	making.Wait()
	for n := range containers {
		name := fmt.Sprint("c", n)
		write(t, filepath.Join(layerOf(t, w, name), "etc/own"), n)
		for k := 0; n%100 == 0 && k < 2000; k++ { // which cannot be walked in the time
			write(t, filepath.Join(layerOf(t, w, name), "var", fmt.Sprint(k%10), fmt.Sprint(k)), 1)
		}
		v, err := w.e.InspectVolume(name)
		must(t, err)
		write(t, filepath.Join(v.Mountpoint, "below/f"), n)
		must(t, os.Chtimes(v.Mountpoint, time.Time{}, time.Now().Add(-time.Hour)))
		wrote += int64(n)
	}
	w.close() // it may have counted what was there before the test came
	w, err = open(t, w.dir, driver, nil)
	must(t, err)
	defer w.close()
	usage := func() (sizes map[string]int64, total, volumes int64) {
		u, err := w.e.DiskUsage(ctx, engine.DiskUsageOf{Containers: true, Volumes: true})
		must(t, err)
		sizes = map[string]int64{}
		for _, c := range u.Containers {
			sizes[c.Names[0]] = c.SizeRw
			total += c.SizeRw
		}
		for _, v := range u.Volumes {
			volumes += v.UsageData.Size
		}
		return sizes, total, volumes
	}
	first, before, volumes := usage()
	best := time.Hour
	for n := 0; n < 5 || n < 50 && best > 100*time.Millisecond; n++ {
		began := time.Now()
		if _, again, _ := usage(); again != before {
			t.Errorf("%d bytes, and then %d", before, again)
		}
		best = min(best, time.Since(began))
	}
	t.Logf("%d containers in %s", containers, best)
	if best > 100*time.Millisecond {
		t.Errorf("it takes %s", best)
	}
	if volumes != wrote {
		t.Errorf("volumes take %d bytes, want %d", volumes, wrote)
	}
	if driver == "overlay2" {
		var du int64
		for n := range containers {
			du += fileBytes(t, layerOf(t, w, fmt.Sprint("c", n)))
		}
		if before != du {
			t.Errorf("all containers take %d bytes, and the disk has %d", before, du)
		}
	}
	grown := func(what string, bytes int64) {
		t.Helper()
		if now, _, _ := usage(); now["/c7"] != first["/c7"]+bytes || now["/c8"] != first["/c8"] {
			t.Errorf("%s: %d and %d bytes more, want %d and none", what, now["/c7"]-first["/c7"], now["/c8"]-first["/c8"], bytes)
		}
	}
	v, err := w.e.InspectVolume("c7")
	must(t, err)
	write(t, filepath.Join(v.Mountpoint, "restored"), 50) // by a program of the host
	if _, _, got := usage(); got != wrote+50 {
		t.Errorf("volumes take %d bytes, want %d", got, wrote+50)
	}
	if os.Getuid() != 0 {
		return // roots and volumes are mounted for containers
	}
	must(t, w.e.CopyTo(ctx, "c7", "/etc", engine.CopyOptions{},
		bytes.NewReader(tarOf(t, map[string]string{"copied": strings.Repeat("x", 1000)}, "copied"))))
	grown("a copy into it", 1000)
	must(t, w.e.Start(ctx, "c7"))
	started, _, _ := usage()
	first["/c7"] = started["/c7"] - 1000 // what a start makes in a root
	for n := range int64(3) {
		write(t, filepath.Join(layerOf(t, w, "c7"), "etc/own"), int(7+100*n))
		write(t, filepath.Join(v.Mountpoint, "below/f"), int(7+10*n))
		grown("a program that writes", 1000+100*n)
		if _, _, got := usage(); got != wrote+50+10*n {
			t.Errorf("volumes take %d bytes, want %d", got, wrote+50+10*n)
		}
	}
	must(t, w.e.Stop(ctx, "c7", engine.StopOptions{}))
	grown("after its end", 1200)
	grown("and again", 1200)
}

// layerOf is the folder in which the driver keeps what a container wrote.
func layerOf(t *testing.T, w *world, name string) string {
	t.Helper()
	i, err := w.e.Inspect(t.Context(), name, false)
	must(t, err)
	if up := i.GraphDriver.Data["UpperDir"]; up != "" {
		return up
	}
	return filepath.Join(w.dir, "data", i.GraphDriver.Name, "dir", i.ID)
}

// write makes a file of so many bytes, and its folder.
func write(t *testing.T, path string, bytes int) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(strings.Repeat("x", bytes)), 0o644))
}
