package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs"
	"box/fs/drivers"
	"box/fs/fstest"
	"box/fs/overlay"
	"box/fs/overlay2"
	"box/fs/vfs"
)

// bench is a catalog on a real driver in its own folders. It can be reopened as after a crash.
type bench struct {
	testing.TB
	*Catalog
	driver string
	root   string
}

// onDrivers runs a test on a driver that stacks layers later and on those whose layers need their parent first: by
// copies, and by links to its files.
func onDrivers(t *testing.T, test func(b *bench)) {
	for _, driver := range []string{vfs.Name, overlay2.Name, overlay.Name} {
		t.Run(driver, func(t *testing.T) {
			if driver != vfs.Name && os.Geteuid() != 0 {
				t.Skip("overlay mounts need root")
			}
			test(newBench(t, driver))
		})
	}
}

func newBench(t testing.TB, driver string) *bench {
	b := &bench{TB: t, driver: driver, root: t.TempDir()}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *bench) start() {
	b.Helper()
	db, err := state.Open(filepath.Join(b.root, "box.db"))
	b.must(err)
	d, err := drivers.Open(context.Background(), b.root, b.driver, db.Layers(), nil, nil, nil)
	b.must(err)
	b.Catalog, err = OpenCatalog(context.Background(), b.root, db, d, nil, fs.IDMaps{})
	b.must(err)
}

func (b *bench) stop() {
	b.Helper()
	if err := errors.Join(b.layers.Close(), b.db.Close()); err != nil {
		b.Error(err)
	}
}

func (b *bench) restart() {
	b.Helper()
	b.stop()
	b.start()
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) load(raw []byte) []Loaded {
	b.Helper()
	loaded, err := b.Load(context.Background(), bytes.NewReader(raw), LoadOptions{})
	b.must(err)
	return loaded
}

// left lists the files on the disk: the driver's folders and the store's content.
func (b *bench) left() []string {
	b.Helper()
	var found []string
	for _, pattern := range []string{"vfs/dir/*", "vfs/tar-split/*", "overlay2/*", "overlay2/l/*", "overlay/*", "vfs/rows/*",
		"content/*", "content/sha256/*", "content/rows/*"} {
		all, err := filepath.Glob(filepath.Join(b.root, pattern))
		b.must(err)
		for _, p := range all {
			if rel, _ := filepath.Rel(b.root, p); rel != "overlay2/l" && rel != "content/sha256" && rel != "content/rows" {
				found = append(found, rel)
			}
		}
	}
	return found
}

// empty checks that no image is known and nothing is on the disk.
func (b *bench) empty() {
	b.Helper()
	b.must(b.layers.Walk(context.Background(), func(i fs.Info) error {
		b.Errorf("layer %s is there", i.Name)
		return nil
	}))
	if left := b.left(); len(left) > 0 || len(b.List()) > 0 {
		b.Errorf("%d images, on the disk %v", len(b.List()), left)
	}
}

// holds checks that an image is whole: each of its layers gives the tar it was made from.
func (b *bench) holds(id digest.Digest, tars ...[]byte) {
	b.Helper()
	img, err := b.Resolve(id.String())
	b.must(err)
	chain := img.ChainIDs()
	if len(chain) != len(tars) {
		b.Fatalf("image %s has %d layers, want %d", id, len(chain), len(tars))
	}
	below := ""
	for n, name := range chain {
		var got bytes.Buffer
		b.must(b.layers.Tar(context.Background(), name.String(), &got))
		if !bytes.Equal(got.Bytes(), tars[n]) {
			b.Errorf("layer %d of image %s differs", n, id)
		}
		info, err := b.layers.Stat(context.Background(), name.String())
		b.must(err)
		if info.Parent != below || info.State != fs.Committed {
			b.Errorf("layer %d of image %s stands on %q in state %d", n, id, info.Parent, info.State)
		}
		below = name.String()
	}
}

// sample is an image to put into an archive.
type sample struct {
	layers [][]byte
	tags   []string
	config []byte
}

// newSample makes a configuration for layers; note sets it apart from others with the same layers.
func newSample(t testing.TB, note string, tags []string, layers ...[]byte) sample {
	t.Helper()
	var ids []digest.Digest
	var history []any
	for n, l := range layers {
		ids = append(ids, digest.FromBytes(l))
		history = append(history, map[string]any{"created": "2024-05-01T00:00:00Z", "created_by": fmt.Sprintf("step %d", n)})
	}
	raw, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2024-05-01T00:00:00Z", "x-unknown": note,
		"config":  map[string]any{"Cmd": []string{"sh"}, "Labels": map[string]string{"note": note}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": ids},
		"history": history,
	})
	if err != nil {
		t.Fatal(err)
	}
	return sample{layers: layers, tags: tags, config: raw}
}

func (s sample) id() digest.Digest { return digest.FromBytes(s.config) }

func layerTar(t testing.TB, entries ...fstest.Entry) []byte { return fstest.Tar(t, entries...) }

type member struct {
	name, link string // link is the target of a symbolic link
	body       []byte
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Linkname: m.link, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(m.body)),
			ModTime: time.Unix(0, 0)}
		switch {
		case m.link != "":
			h.Typeflag = tar.TypeSymlink
		case strings.HasSuffix(m.name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// docker24 makes an archive as Docker wrote it up to version 24: one folder per layer, and a link where a layer
// repeats.
func docker24(t testing.TB, images ...sample) []byte {
	var members []member
	var list []entry
	written := map[digest.Digest]string{}
	for i, s := range images {
		e := entry{Config: s.id().Encoded() + ".json", RepoTags: s.tags}
		members = append(members, member{name: e.Config, body: s.config})
		for n, l := range s.layers {
			folder := digest.FromString(fmt.Sprintf("v1 %d %d", i, n)).Encoded()
			m := member{name: folder + "/layer.tar", body: l}
			if first, ok := written[digest.FromBytes(l)]; ok {
				m = member{name: m.name, link: "../" + first + "/layer.tar"}
			} else {
				written[digest.FromBytes(l)] = folder
			}
			members = append(members, member{name: folder + "/"}, member{name: folder + "/VERSION", body: []byte("1.0")},
				member{name: folder + "/json", body: []byte("{}")}, m)
			e.Layers = append(e.Layers, m.name)
		}
		list = append(list, e)
	}
	return tarOf(t, append(members, member{name: "manifest.json", body: asJSON(t, list)})...)
}

// ociLayout makes an OCI image layout (image-spec, image-layout.md) with layers that pack compresses and names as
// containerd writes them.
func ociLayout(t testing.TB, pack func([]byte) []byte, images ...sample) []byte {
	members := []member{{name: "oci-layout", body: []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
	blob := func(kind string, raw []byte) map[string]any {
		d := digest.FromBytes(raw)
		members = append(members, member{name: "blobs/sha256/" + d.Encoded(), body: raw})
		return map[string]any{"mediaType": kind, "digest": d, "size": len(raw)}
	}
	var list []any
	for _, s := range images {
		var layers []any
		for _, l := range s.layers {
			layers = append(layers, blob("application/vnd.oci.image.layer.v1.tar", pack(l)))
		}
		manifest := blob("application/vnd.oci.image.manifest.v1+json", asJSON(t, map[string]any{
			"schemaVersion": 2, "config": blob("application/vnd.oci.image.config.v1+json", s.config), "layers": layers,
		}))
		for _, tag := range s.tags {
			manifest["annotations"] = map[string]string{"io.containerd.image.name": tag}
		}
		list = append(list, manifest)
	}
	index := asJSON(t, map[string]any{"schemaVersion": 2, "manifests": list})
	return tarOf(t, append(members, member{name: "index.json", body: index})...)
}

// docker25 makes an archive as Docker has written it since version 25: a layout with manifest.json beside it.
func docker25(t testing.TB, images ...sample) []byte {
	var list []entry
	for _, s := range images {
		e := entry{Config: "blobs/sha256/" + s.id().Encoded(), RepoTags: s.tags}
		for _, l := range s.layers {
			e.Layers = append(e.Layers, "blobs/sha256/"+digest.FromBytes(l).Encoded())
		}
		list = append(list, e)
	}
	layout := ociLayout(t, plain, images...)
	return append(layout[:len(layout)-1024:len(layout)-1024],
		tarOf(t, member{name: "manifest.json", body: asJSON(t, list)})...)
}

func plain(raw []byte) []byte { return raw }

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(raw) // a bytes.Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func zstded(raw []byte) []byte {
	w, _ := zstd.NewWriter(io.Discard)
	return w.EncodeAll(raw, nil)
}
