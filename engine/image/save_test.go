package image

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/fs/fstest"
	"box/fs/overlay"
	"box/fs/overlay2"
	"box/fs/vfs"
)

func (b *bench) save(refs ...string) []byte {
	b.Helper()
	var out bytes.Buffer
	_, err := b.Save(context.Background(), refs, nil, &out)
	b.must(err)
	return out.Bytes()
}

// members reads an archive into memory.
func members(t testing.TB, raw []byte) (names []string, files map[string][]byte) {
	t.Helper()
	files = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, files
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSave checks that loaded images are saved unchanged, in both forms that an archive has, and that another driver
// loads them.
func TestSave(t *testing.T) {
	base := layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("base ", 9999)})
	one := newSample(t, "one", []string{"host:5000/one:1", "one:latest"}, base,
		layerTar(t, fstest.Entry{Name: "g", Body: "g"}), base)
	two := newSample(t, "two", nil, base)
	onDrivers(t, func(b *bench) {
		b.load(gzipped(docker24(b, one, two)))
		raw := b.save("one", two.id().String()[:20], "host:5000/one")
		names, files := members(b, raw)
		if !slices.IsSorted(names) || len(names) != len(files) {
			b.Errorf("members %v", names)
		}
		var list []savedEntry
		b.must(json.Unmarshal(files["manifest.json"], &list))
		if len(list) != 2 || !slices.Equal(list[0].RepoTags, []string{"one:latest", "host:5000/one:1"}) ||
			list[1].RepoTags != nil ||
			!bytes.Equal(files[list[0].Config], one.config) || !bytes.Equal(files[list[0].Layers[2]], base) {
			b.Errorf("manifest.json: %s", files["manifest.json"])
		}
		want := `{"host:5000/one":{"1":"` + one.layersHex(2) + `"},"one":{"latest":"` + one.layersHex(2) + `"}}` + "\n"
		if got := string(files["repositories"]); got != want {
			b.Errorf("repositories: %s, want %s", got, want)
		}
		var index ocispec.Index
		b.must(json.Unmarshal(files["index.json"], &index))
		if len(index.Manifests) != 3 ||
			index.Manifests[0].Annotations["io.containerd.image.name"] != "docker.io/library/one:latest" ||
			index.Manifests[2].Annotations != nil {
			b.Errorf("index.json: %s", files["index.json"])
		}
		if again := b.save("one", two.id().String()[:20], "host:5000/one"); !bytes.Equal(raw, again) {
			b.Error("saved twice, the archives differ")
		}
		for _, driver := range []string{vfs.Name, overlay2.Name, overlay.Name} {
			if driver != vfs.Name && os.Geteuid() != 0 {
				continue
			}
			other := newBench(t, driver)
			other.load(raw)
			other.holds(one.id(), one.layers...)
			other.holds(two.id(), two.layers...)
			layout := newBench(t, driver)
			layout.load(without(b, raw, "manifest.json")) // read as an OCI layout
			layout.holds(one.id(), one.layers...)
		}
	})
}

// without returns an archive without one member.
func without(t testing.TB, raw []byte, name string) []byte {
	names, files := members(t, raw)
	var rest []member
	for _, n := range names {
		if n != name {
			rest = append(rest, member{name: n, body: files[n]})
		}
	}
	return tarOf(t, rest...)
}

// TestSaveErrors checks that nothing is written for a missing image, and that the errors are Docker's.
func TestSaveErrors(t *testing.T) {
	b := newBench(t, vfs.Name)
	b.load(docker25(t, newSample(t, "one", []string{"one:1"}, layerTar(t, fstest.Entry{Name: "f"})),
		newSample(t, "empty", []string{"empty:1"})))
	for ref, says := range map[string]string{
		"nothing":   "No such image: nothing",
		"nothing:1": "reference does not exist",
		"one":       "", // all tags of it
		"one:2":     "reference does not exist",
		"1234":      "No such image: 1234",
		"A":         "invalid reference format",
		"empty:1":   "", // an image without layers is one too
	} {
		var out bytes.Buffer
		_, err := b.Save(context.Background(), []string{ref}, nil, &out)
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || out.Len() > 0) {
			t.Errorf("%s: %v, %d bytes written", ref, err, out.Len())
		}
	}
	_, err := b.Save(context.Background(), []string{"one"}, &ocispec.Platform{OS: "linux", Architecture: "s390x"},
		io.Discard)
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("another platform: %v", err)
	}
}

// TestSaveDamaged checks that a layer changed on the disk is refused.
func TestSaveDamaged(t *testing.T) {
	s := newSample(t, "one", []string{"one:1"}, layerTar(t, fstest.Entry{Name: "f", Body: "as it was"}))
	onDrivers(t, func(b *bench) {
		b.load(docker25(b, s))
		found, _ := filepath.Glob(filepath.Join(b.root, "vfs/dir/*/f"))
		for _, pattern := range []string{"overlay2/*/diff/f", "overlay/*/root/f"} {
			more, _ := filepath.Glob(filepath.Join(b.root, pattern))
			found = append(found, more...)
		}
		for _, f := range found {
			b.must(os.WriteFile(f, []byte("as it is!"), 0o600))
		}
		if _, err := b.Save(context.Background(), []string{"one:1"}, nil, io.Discard); !errdefs.IsDataLoss(err) {
			b.Errorf("error %v", err)
		}
	})
}

// TestSaveOfRemoved checks that an image removed while it is saved is saved whole, and is gone afterwards.
func TestSaveOfRemoved(t *testing.T) {
	s := newSample(t, "one", []string{"one:1"}, layerTar(t, fstest.Entry{Name: "f", Body: "content"}))
	onDrivers(t, func(b *bench) {
		b.load(docker25(b, s))
		var out bytes.Buffer
		removed := false
		_, err := b.Save(context.Background(), []string{"one"}, nil, writeFunc(func(p []byte) (int, error) {
			if !removed {
				removed = true
				b.must(b.removed("one:1", false, "", "", []string{"one:1"}, 1))
			}
			return out.Write(p)
		}))
		b.must(err)
		b.empty()
		b.load(out.Bytes())
		b.holds(s.id(), s.layers...)
	})
}

// TestPlatforms checks how platforms are parsed, and which suit which.
func TestPlatforms(t *testing.T) {
	for text, want := range map[string]string{
		"linux/amd64": "linux/amd64", "linux/arm/v6": "linux/arm/v6", "linux/armhf": "linux/arm/v7", "aarch64": "linux/arm64",
		"linux/arm64/v8": "linux/arm64", "linux/arm": "linux/arm/v7", "Linux/X86_64": "linux/amd64", "a/b/c/d": "",
		"linux//v7": "", "li nux": "",
	} {
		p, err := ParsePlatform(text)
		if got := PlatformString(p); (want == "") != (err != nil) || err == nil && got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, row := range []struct {
		want, better, worse string
		none                bool // whether a worse one must not suit
	}{
		{"linux/arm/v7", "linux/arm/v7", "linux/arm/v6", false},
		{"linux/arm/v7", "linux/arm/v6", "linux/arm/v5", false},
		{"linux/arm/v6", "linux/arm/v5", "linux/arm/v7", true},
		{"linux/amd64", "linux/amd64", "linux/amd64/v3", true},
		{"linux/arm64", "linux/arm64/v8", "linux/arm/v7", false},
		{"linux/amd64", "linux/386", "windows/amd64", true},
		{"linux/s390x", "linux/s390x", "linux/amd64", true},
	} {
		parse := func(s string) ocispec.Platform {
			p, err := ParsePlatform(s)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		better, worse := Suits(parse(row.want), parse(row.better)), Suits(parse(row.want), parse(row.worse))
		if better <= worse || (worse == 0) != row.none {
			t.Errorf("%s: %s %d, %s %d", row.want, row.better, better, row.worse, worse)
		}
	}
}
