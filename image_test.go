package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// busyboxImage writes an archive of the image busybox:latest, one layer made of the machine's static busybox.
func busyboxImage(path string) error {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	list, err := exec.Command(program, "--list").Output()
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr", "var"} {
		mode := int64(0o755)
		if dir == "tmp" {
			mode = 0o1777
		}
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: mode})
	}
	file := func(w *tar.Writer, name string, mode int64, b []byte) {
		_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(b))})
		_, _ = w.Write(b)
	}
	file(w, "bin/busybox", 0o755, raw)
	for _, name := range strings.Fields(string(list)) {
		if name != "busybox" {
			_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777})
		}
	}
	file(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"))
	file(w, "etc/group", 0o644, []byte("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"))
	if err := w.Close(); err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2024-05-01T00:00:00Z",
		"config":  map[string]any{"Cmd": []string{"sh"}, "Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
		"history": []any{map[string]any{"created": "2024-05-01T00:00:00Z", "created_by": "ADD busybox /"}},
	})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w = tar.NewWriter(&out)
	file(w, "config.json", 0o644, config)
	file(w, "layer.tar", 0o644, layer.Bytes())
	file(w, "manifest.json", 0o644, []byte(`[{"Config":"config.json","RepoTags":["busybox:latest"],"Layers":["layer.tar"]}]`))
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}
