package suite

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
)

// busyboxImage writes an archive of the image busybox:latest, one layer made of the machine's static busybox.
func busyboxImage(path string) error {
	layer, err := busyboxLayer()
	if err != nil {
		return err
	}
	return imageArchive(path, "busybox:latest", nil, layer)
}

// appImage writes an archive of app:latest, which is busybox with two volumes: /data, with files of owners and modes
// of its own, and /new, which is not there. /link leads to /data, /out out of the root.
func appImage(path string) error {
	base, err := busyboxLayer()
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o2750, Uid: 1000, Gid: 2000},
		{Typeflag: tar.TypeReg, Name: "data/secret", Mode: 0o4640, Uid: 1000, Gid: 2000, Size: 4,
			PAXRecords: map[string]string{"SCHILY.xattr.user.colour": "blue"}},
		{Typeflag: tar.TypeLink, Name: "data/again", Linkname: "data/secret"},
		{Typeflag: tar.TypeSymlink, Name: "data/soft", Linkname: "secret", Mode: 0o777},
		{Typeflag: tar.TypeDir, Name: "data/sub/", Mode: 0o700, Uid: 7},
		{Typeflag: tar.TypeSymlink, Name: "link", Linkname: "data", Mode: 0o777},
		{Typeflag: tar.TypeSymlink, Name: "out", Linkname: "../../../../../../tmp/box-escape", Mode: 0o777},
	} {
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		if h.Size > 0 {
			_, _ = w.Write([]byte("text"))
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return imageArchive(path, "app:latest",
		map[string]any{"Volumes": map[string]any{"/data": map[string]any{}, "/new": map[string]any{}}}, base, layer.Bytes())
}

// busyboxLayer is the layer tar of a root with busybox, its links, two users and a group.
func busyboxLayer() ([]byte, error) {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	list, err := exec.Command(program, "--list").Output()
	if err != nil {
		return nil, err
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
	addFile(w, "bin/busybox", 0o755, raw)
	for _, name := range strings.Fields(string(list)) {
		if name != "busybox" {
			_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777})
		}
	}
	addFile(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"))
	addFile(w, "etc/group", 0o644, []byte("root:x:0:\nuser:x:1000:\nextra:x:2000:user\n"))
	if err := w.Close(); err != nil {
		return nil, err
	}
	return layer.Bytes(), nil
}

func addFile(w *tar.Writer, name string, mode int64, b []byte) {
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(b))})
	_, _ = w.Write(b)
}

// imageArchive writes an archive as docker load takes it; more is put into the image's configuration.
func imageArchive(path, name string, more map[string]any, layers ...[]byte) error {
	inner := map[string]any{"Cmd": []string{"sh"},
		"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	maps.Copy(inner, more)
	var ids, files []string
	var history []any
	for i, l := range layers {
		ids = append(ids, fmt.Sprintf("sha256:%x", sha256.Sum256(l)))
		files = append(files, fmt.Sprintf("layer%d.tar", i))
		history = append(history, map[string]any{"created": "2024-05-01T00:00:00Z", "created_by": "ADD layer /"})
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2024-05-01T00:00:00Z", "config": inner,
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids}, "history": history,
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]any{map[string]any{"Config": "config.json", "RepoTags": []string{name},
		"Layers": files}})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	addFile(w, "config.json", 0o644, config)
	for i, l := range layers {
		addFile(w, files[i], 0o644, l)
	}
	addFile(w, "manifest.json", 0o644, manifest)
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o600)
}
