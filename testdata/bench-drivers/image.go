package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// images are the archives that `docker load` reads.
type images struct {
	layers string // of six layers, 500 MB in all, most in small files
	big    string // with a file /big of 500 MB
}

const megabyte = 1_000_000

func makeImages(dir string) (i images, err error) {
	i = images{filepath.Join(dir, "layers.tar"), filepath.Join(dir, "big.tar")}
	random := rand.NewChaCha8([32]byte{1})
	var small [][]byte
	for n := range 6 {
		small = append(small, layer(func(w *tar.Writer) {
			for f := range 1000 {
				put(w, fmt.Sprintf("l%d/d%d/f%d", n, f%50, f), random, 43*megabyte/1000)
			}
			put(w, fmt.Sprintf("l%d/large", n), random, 40*megabyte)
		}))
	}
	if err := writeImage(i.layers, "layers", small); err != nil {
		return i, err
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		return i, err
	}
	busybox, err := os.ReadFile(path)
	if err != nil {
		return i, err
	}
	base := layer(func(w *tar.Writer) {
		put(w, "bin/busybox", bytes.NewReader(busybox), len(busybox))
		for _, name := range []string{"sh", "sleep", "dd"} {
			_ = w.WriteHeader(&tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777})
		}
	})
	big := layer(func(w *tar.Writer) { put(w, "big", random, 500*megabyte) })
	return i, writeImage(i.big, "big", [][]byte{base, big})
}

// layer makes an archive in memory, where nothing fails.
func layer(fill func(*tar.Writer)) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	fill(w)
	_ = w.Close()
	return out.Bytes()
}

func put(w *tar.Writer, name string, from io.Reader, size int) {
	_ = w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(size)})
	_, _ = io.CopyN(w, from, int64(size))
}

// writeImage writes an image as `docker save` does.
func writeImage(path, name string, layers [][]byte) error {
	type ids struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	config := map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{"Env": []string{"PATH=/bin"}}}
	rootfs, files := ids{Type: "layers"}, []string{}
	for n, l := range layers {
		rootfs.DiffIDs = append(rootfs.DiffIDs, fmt.Sprintf("sha256:%x", sha256.Sum256(l)))
		files = append(files, fmt.Sprint(n, ".tar"))
	}
	config["rootfs"] = rootfs
	raw, _ := json.Marshal(config)
	manifest, _ := json.Marshal([]map[string]any{{"Config": "c.json", "RepoTags": []string{name + ":latest"}, "Layers": files}})
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := tar.NewWriter(f)
	put(w, "c.json", bytes.NewReader(raw), len(raw))
	for n, l := range layers {
		put(w, files[n], bytes.NewReader(l), len(l))
	}
	put(w, "manifest.json", bytes.NewReader(manifest), len(manifest))
	if err := w.Close(); err != nil {
		return err
	}
	return f.Sync()
}
