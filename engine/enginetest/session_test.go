package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	api "github.com/moby/moby/api/types/container"
	apivolume "github.com/moby/moby/api/types/volume"

	"box/engine"
	"box/engine/progress"
	"box/engine/request"
)

// step is one request of a session.
type step struct {
	name string
	do   func(ctx context.Context, e *engine.Engine) error
	// Looks at what the facts do not have, after success; may be nil
	done func(ctx context.Context, e *engine.Engine) error
}

// session has each verb that changes what is kept. Each step begins with what the ones before it left.
func session(t testing.TB) []step {
	quiet := func(progress.Line) error { return nil }
	remote := registry(t)
	create := func(name, image, volume string) func(context.Context, *engine.Engine) error {
		return func(ctx context.Context, e *engine.Engine) error {
			q := request.Create{Name: name, Config: &api.Config{Image: image, Cmd: []string{"run"}},
				Host: &api.HostConfig{NetworkMode: "host", IpcMode: "none"}}
			if volume != "" {
				q.Host.Binds = []string{volume}
			}
			_, err := e.Create(ctx, q)
			return err
		}
	}
	remove := func(name string) func(context.Context, *engine.Engine) error {
		return func(ctx context.Context, e *engine.Engine) error {
			return e.Remove(ctx, name, engine.RemoveOptions{Force: true, Volumes: true})
		}
	}
	removeImage := func(name string) func(context.Context, *engine.Engine) error {
		return func(ctx context.Context, e *engine.Engine) error {
			_, err := e.RemoveImage(ctx, name, false, nil)
			return err
		}
	}
	list := []step{
		{name: "load", do: func(ctx context.Context, e *engine.Engine) error {
			return e.Load(ctx, bytes.NewReader(archive(t, "base:1", "base")), engine.LoadOptions{Quiet: true}, quiet)
		}},
		{name: "tag", do: func(ctx context.Context,
			e *engine.Engine) error {
			return e.TagImage(ctx, "base:1", "base", "2")
		}},
		{name: "volume create", do: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.VolumeCreate(ctx, apivolume.CreateRequest{Name: "kept", Labels: map[string]string{"color": "blue"}})
			return err
		}},
		{name: "create", do: create("one", "base:1", "kept:/data")},
		{name: "create with an anonymous volume", do: create("two", "base:2", "/data")},
		{name: "start", do: func(ctx context.Context, e *engine.Engine) error { return e.Start(ctx, "one") }},
		{name: "update", do: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Update(ctx, "one", api.UpdateConfig{Resources: api.Resources{CPUShares: 512}})
			return err
		}},
		{name: "rename", do: func(ctx context.Context, e *engine.Engine) error { return e.Rename(ctx, "one", "first") }},
		{name: "commit", do: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.Commit(ctx, "first", engine.Commission{Repository: "made", Tag: "1"})
			return err
		}},
		{name: "pull", do: func(ctx context.Context, e *engine.Engine) error {
			return e.Pull(ctx, engine.Pulling{Name: remote + "/far", Tag: "latest"}, quiet)
		}},
		{name: "cp", do: func(ctx context.Context, e *engine.Engine) error {
			content := tarOf(t, map[string]string{"etc/motd": "copied", "new/f": "more"}, "etc/", "etc/motd", "new/", "new/f")
			return e.CopyTo(ctx, "two", "/", engine.CopyOptions{}, bytes.NewReader(content))
		}, done: func(ctx context.Context, e *engine.Engine) error { return holds(ctx, e, "two", "/etc/motd", "copied") }},
		{name: "rmi while it is saved", do: func(ctx context.Context, e *engine.Engine) error {
			// Its layers stay until they are read, and go then, or with the next start.
			out := &interrupted{then: func() error { return removeImage(remote+"/far:latest")(ctx, e) }}
			if err := e.Save(ctx, []string{remote + "/far:latest"}, nil, out); !out.called {
				return err
			}
			return out.err
		}},
		{name: "rm", do: remove("first")},
		{name: "rm with its volume", do: remove("two")},
		{name: "untag", do: removeImage("base:2")},
		{name: "rmi", do: removeImage("made:1")},
		{name: "volume rm", do: func(ctx context.Context,
			e *engine.Engine) error {
			return e.RemoveVolume(ctx, "kept", false)
		}},
		{name: "create of what goes", do: create("last", "base:1", "")},
		{name: "rmi under a container", do: func(ctx context.Context, e *engine.Engine) error {
			_, err := e.RemoveImage(ctx, "base:1", true, nil)
			return err
		}},
		{name: "rm with what is left of the image", do: remove("last")},
	}
	if os.Getuid() != 0 { // which mounts a container's volumes for it
		list = slices.DeleteFunc(list, func(s step) bool { return s.name == "cp" })
	}
	return list
}

// interrupted calls then at the first byte that is written to it.
type interrupted struct {
	then   func() error
	called bool
	err    error
}

func (w *interrupted) Write(p []byte) (int, error) {
	if !w.called {
		w.called, w.err = true, w.then()
	}
	return len(p), nil
}

// holds tells whether a file of a container has a content.
func holds(ctx context.Context, e *engine.Engine, container, path, want string) error {
	out, err := e.CopyFrom(ctx, container, path)
	if err != nil {
		return err
	}
	defer out.Close()
	var packed bytes.Buffer
	if err := out.Write(ctx, &packed); err != nil {
		return err
	}
	r := tar.NewReader(&packed)
	if _, err := r.Next(); err != nil {
		return err
	}
	got, err := io.ReadAll(r)
	if err == nil && string(got) != want {
		err = fmt.Errorf("%s of %s holds %q, not %q", path, container, got, want)
	}
	return err
}

func tarOf(t testing.TB, files map[string]string, order ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range order {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}
		if strings.HasSuffix(name, "/") {
			h = &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sample is a layer and the configuration of an image of it.
func sample(t testing.TB, text string) (layer []byte, config string) {
	layer = tarOf(t, map[string]string{"etc/motd": text}, "etc/", "etc/motd")
	return layer, fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{"Cmd":["run"]},"rootfs":{"type":"layers","diff_ids":["sha256:%x"]}}`, sha256.Sum256(layer))
}

func archive(t testing.TB, name, text string) []byte {
	layer, config := sample(t, text)
	return tarOf(t, map[string]string{"layer.tar": string(layer), "config.json": config,
		"manifest.json": `[{"Config":"config.json","RepoTags":["` + name + `"],"Layers":["layer.tar"]}]`}, "manifest.json",
		"config.json", "layer.tar")
}

// registry serves one image as HOST/far:latest.
func registry(t testing.TB) (host string) {
	layer, config := sample(t, "far")
	const kind = "application/vnd.oci.image."
	of := func(media string, content []byte) string {
		return fmt.Sprintf(`{"mediaType":"%s%s","digest":"sha256:%x","size":%d}`, kind, media, sha256.Sum256(content),
			len(content))
	}
	manifest := []byte(`{"schemaVersion":2,"mediaType":"` + kind + `manifest.v1+json","config":` +
		of("config.v1+json", []byte(config)) + `,"layers":[` + of("layer.v1.tar", layer) + `]}`)
	known := map[string][]byte{"latest": manifest}
	for _, c := range [][]byte{manifest, []byte(config), layer} {
		known[fmt.Sprintf("sha256:%x", sha256.Sum256(c))] = c
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := known[filepath.Base(r.URL.Path)]
		if strings.Contains(r.URL.Path, "/manifests/") {
			w.Header().Set("Content-Type", kind+"manifest.v1+json")
			w.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256(content)))
		}
		if !ok && r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
