package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"box/fs/fstest"
)

// TestLoadForms checks that every form of archive gives the same images, with the right IDs.
func TestLoadForms(t *testing.T) {
	base := layerTar(t, fstest.Entry{Name: "bin/"},
		fstest.Entry{Name: "bin/sh", Body: strings.Repeat("shell ", 5000), Mode: 0o755})
	top := layerTar(t, fstest.Entry{Name: "etc/"}, fstest.Entry{Name: "etc/motd", Body: "one"},
		fstest.Entry{Name: "bin/.wh.sh"})
	other := layerTar(t, fstest.Entry{Name: "etc/"}, fstest.Entry{Name: "etc/motd", Body: "two"})
	one := newSample(t, "one", []string{"example.test/one:1"}, base, top)
	two := newSample(t, "two", []string{"two:latest"}, base, other, base) // shares a layer and has it twice
	for _, row := range []struct {
		name string
		raw  []byte
	}{
		{"docker 24", docker24(t, one, two)},
		{"docker 24, gzip", gzipped(docker24(t, one, two))},
		{"docker 24, zstd", zstded(docker24(t, one, two))},
		{"docker 25", docker25(t, one, two)},
		{"docker 25, gzip", gzipped(docker25(t, one, two))},
		{"docker 25, zstd", zstded(docker25(t, one, two))},
		{"layout", ociLayout(t, plain, one, two)},
		{"layout, layers gzip", ociLayout(t, gzipped, one, two)},
		{"layout, layers zstd", gzipped(ociLayout(t, zstded, one, two))},
	} {
		t.Run(row.name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				loaded := b.load(row.raw)
				if len(loaded) != 2 || !slices.Equal(loaded[0].Names, []string{"example.test/one:1"}) ||
					!slices.Equal(loaded[1].Names, []string{"two:latest"}) {
					b.Fatalf("loaded %+v", loaded)
				}
				b.restart()
				b.holds(one.id(), base, top)
				b.holds(two.id(), base, other, base)
				for ref, want := range map[string]sample{"example.test/one:1": one, "two": two} {
					if img, err := b.Resolve(ref); err != nil || img.ID != want.id() || !bytes.Equal(img.Raw, want.config) {
						b.Errorf("%s: %v %v", ref, img, err)
					}
				}
			})
		})
	}
}

// TestLoadAgain checks that loading twice adds nothing, and that names move.
func TestLoadAgain(t *testing.T) {
	base := layerTar(t, fstest.Entry{Name: "f", Body: "base"})
	one := newSample(t, "one", []string{"x:1"}, base)
	two := newSample(t, "two", []string{"x:1", "y:1"}, base, layerTar(t, fstest.Entry{Name: "g", Body: "top"}))
	onDrivers(t, func(b *bench) {
		b.load(docker25(t, one))
		before := b.left()
		b.load(docker24(t, one))
		if after := b.left(); !slices.Equal(before, after) {
			b.Errorf("loaded twice: %v, before %v", after, before)
		}
		loaded := b.load(docker24(t, two))
		if loaded[0].Moved["x:1"] != one.id() {
			b.Errorf("moved %v", loaded[0].Moved)
		}
		l, err := b.Find(one.id().String())
		b.must(err)
		if len(l.Names) != 0 {
			b.Errorf("the old image is still called %v", l.Names)
		}
		b.holds(one.id(), base)
		b.holds(two.id(), two.layers...)
	})
}

// TestLinks checks that a layer may be a link to a link, and that loops and links out of the archive lead nowhere.
func TestLinks(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: "x"})
	s := newSample(t, "links", nil, layer)
	for _, row := range []struct {
		name  string
		links []member
		ok    bool
	}{
		{"through links", []member{{name: "a/layer.tar", link: "../b/layer.tar"}, {name: "b/layer.tar", link: "/c/layer.tar"},
			{name: "c/layer.tar", link: "../real"}}, true},
		{"above the root", []member{{name: "a/layer.tar", link: "../../../real"}}, true}, // the root is its own parent
		{"round", []member{{name: "a/layer.tar", link: "../b"}, {name: "b", link: "a/layer.tar"}}, false},
		{"to the host", []member{{name: "a/layer.tar", link: "/etc/passwd"}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				raw := tarOf(t, append(row.links, member{name: "c.json", body: s.config}, member{name: "real", body: layer},
					member{name: "manifest.json", body: []byte(`[{"Config":"c.json","Layers":["a/layer.tar"]}]`)})...)
				_, err := b.Load(context.Background(), bytes.NewReader(raw), LoadOptions{})
				if (err == nil) != row.ok {
					b.Fatal(err)
				}
				if row.ok {
					b.holds(s.id(), layer)
				} else {
					b.empty()
				}
			})
		})
	}
}

// TestProgress checks that the progress of a large member is reported up to its end.
func TestProgress(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("0123456789abcdef", 200_000)})
	s := newSample(t, "p", nil, layer)
	b := newBench(t, "vfs")
	var last int64
	_, err := b.Load(context.Background(), bytes.NewReader(docker25(t, s)),
		LoadOptions{Progress: func(id string, current, total int64) {
			if total != int64(len(layer)) || current <= last || !strings.HasPrefix(s.layersHex(0), id) {
				t.Errorf("%s %d of %d", id, current, total)
			}
			last = current
		}})
	b.must(err)
	if last != int64(len(layer)) {
		t.Errorf("the last report is of %d of %d bytes", last, len(layer))
	}
}

// fixed is a bzip2-compressed archive of an image with an unknown field. Docker 20.10 loads it as fixedID.
const (
	fixedID = "sha256:4a072aea5d970ace5cdf6177d8f5429fefd0ce835d184d54c482675136ccb91f"
	fixed   = `QlpoOTFBWSZTWT5v4sYAAXv/yN0QAAxQB//wLiWfmv//3uoAAQIACBhAAfgw1IJSJTwKeFPU9R5T0T1NHiRkHqGCPUyGR6mj1BKSaNomUyeSmU8QmNJiDAAB
oBBoJEpNJmmiDI0bRPSNDRoaANGjQDQDmBMTQYTJkyZGEwTTTIxMAQweP89G/620S6YRCbSBZWIs1wSEXbtDdhFooQwJkXpYq34RXSBDSXpBhC8NoY1CHAsT
LlOX2fz1UrMZ/rOVqjU1SWSrpGW9fk3KkrbU7bBxFO7xGFqHE2AuFuTzrOctHvMydFCMjEK+hiFSizAI7+7J4GoktZmYwhCymMnRVkLG0/I0YJEsZiG58tr/
KYnH4QvQrqLSo6COg5azlnhMXOa9RHmghYhksUuqyE4O/JJy4Io8Qi8/tLCQxCwoy00pcVIRYy4uKDCc0Hiv1oEqNgWyaWq0IMUyIK3BKseaLxjC0xiiyfce
Zkm0jNZmsiJjB1Gpx9ercr8fDwbn1ZTKxrURHShSqx1Ui0kmcQoNvQTYlYYSh8a7ILvFEXwJYnnpI4t13oyv7UFS+ZWbxQ5rwtSeUUV8Sy8sFIyLfp/8nbaC
AeaReSVNCn4zAFNoMVE05xFDMZASHscsTBHbVWqtvmxPRQnVKL9EZ/r3oBRIDofd3H2peoXffM4FeZIZd3RfLDbneiMGXwRaxYM9as+Z3yiwQpvE9DEGNuTF
XdYW6qfKGD5Oi44KYgbt+WllXsEOcQQP+LuSKcKEgfN/FjA=`
)

// TestFixedID checks that an image gets the same ID as in Docker.
func TestFixedID(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(fixed)
	if err != nil {
		t.Fatal(err)
	}
	onDrivers(t, func(b *bench) {
		if l := b.load(raw); l[0].Image.ID != fixedID || l[0].Names[0] != "fixed:1" {
			b.Errorf("loaded %+v", l)
		}
	})
}
