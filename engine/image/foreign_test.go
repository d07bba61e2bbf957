package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/fs/fstest"
)

// object is a JSON object.
type object = map[string]any

// blobSet builds the content of an OCI layout.
type blobSet struct {
	t       testing.TB
	members []member
}

func (b *blobSet) add(kind string, raw []byte) object {
	d := digest.FromBytes(raw)
	b.members = append(b.members, member{name: "blobs/sha256/" + d.Encoded(), body: raw})
	return object{"mediaType": kind, "digest": d, "size": len(raw)}
}

// image adds a manifest with its configuration and its layers, compressed.
func (b *blobSet) image(s sample) object {
	layers := []object{}
	for _, l := range s.layers {
		layers = append(layers, b.add(ocispec.MediaTypeImageLayerGzip, gzipped(l)))
	}
	return b.add(ocispec.MediaTypeImageManifest,
		asJSON(b.t, object{"schemaVersion": 2, "layers": layers, "config": b.add(ocispec.MediaTypeImageConfig, s.config)}))
}

func (b *blobSet) index(list ...object) object {
	return b.add(ocispec.MediaTypeImageIndex, asJSON(b.t, object{"schemaVersion": 2, "manifests": list}))
}

// archive makes the layout with an index.json of list, leaving out the content in without.
func (b *blobSet) archive(without []any, list ...object) []byte {
	members := slices.DeleteFunc(slices.Clone(b.members), func(m member) bool {
		return slices.Contains(without, any(digest.Digest("sha256:"+strings.TrimPrefix(m.name, "blobs/sha256/"))))
	})
	return tarOf(b.t, append(members,
		member{name: "index.json", body: asJSON(b.t, object{"schemaVersion": 2, "manifests": list})})...)
}

// with returns a copy of a descriptor with more fields.
func with(d object, more ...any) object {
	d = cloned(d)
	for n := 0; n < len(more); n += 2 {
		d[more[n].(string)] = more[n+1]
	}
	return d
}

func cloned(d object) object {
	out := object{}
	for k, v := range d {
		out[k] = v
	}
	return out
}

func platformOf(text string) object {
	p, _ := ParsePlatform(text)
	return object{"os": p.OS, "architecture": p.Architecture, "variant": p.Variant, "os.features": 7}
}

func called(name string) object { return object{ocispec.AnnotationRefName: name, "odd": []int{1}} }

// onPlatform makes an image for a platform.
func onPlatform(t testing.TB, platform string, layers ...[]byte) sample {
	p, _ := ParsePlatform(platform)
	s := newSample(t, platform, nil, layers...)
	s.config = bytes.Replace(s.config, []byte(`"architecture":"amd64"`),
		fmt.Appendf(nil, `"architecture":%q,"variant":%q`, p.Architecture, p.Variant), 1)
	return s
}

// TestPlatformsOfIndex checks that of an image for several platforms the host's, or the requested one, is taken and
// gets the name.
func TestPlatformsOfIndex(t *testing.T) {
	host, layer := HostPlatform().Architecture, layerTar(t, fstest.Entry{Name: "f", Body: "x"})
	b := &blobSet{t: t}
	here, there, far := onPlatform(t, host, layer), onPlatform(t, "s390x", layerTar(t, fstest.Entry{Name: "g"})),
		onPlatform(t, "ppc64le", layer)
	m1, m2, m3 := b.image(there), b.image(here), b.image(far)
	p1, p2, p3 := with(m1, "platform", platformOf("s390x")), with(m2, "platform", platformOf(host)),
		with(m3, "platform", platformOf("ppc64le"))
	about := with(b.add(ocispec.MediaTypeImageManifest, []byte(`{"config":{},"layers":[{"digest":7}]}`)), "platform",
		object{"os": "unknown", "architecture": "unknown"})
	signature := b.add(ocispec.MediaTypeImageManifest,
		[]byte(`{"config":{"mediaType":"application/vnd.oci.empty.v1+json"}}`))
	windows := with(m3, "platform", object{"os": "windows", "architecture": host})
	all := b.index(p1, about, p2, p3)
	silent := b.index(m1, m2, m3)
	others := b.index(p1, p3)
	latest := "docker.io/library/app:latest"
	for _, row := range []struct {
		name     string
		index    []object
		without  []any
		platform string
		want     []string // NAME or nothing, = and the image
		says     string
	}{
		{"index", []object{with(all, "annotations", called(latest))}, nil, "", []string{"app:latest=here"}, ""},
		{"index that does not say of what", []object{with(silent, "annotations", called("app"))}, nil, "",
			[]string{"app:latest=here"}, ""},
		{"index of which this platform was written", []object{with(all, "annotations", called("app"))},
			[]any{m1["digest"], m3["digest"]}, "", []string{"app:latest=here"}, ""},
		{"index of which another was written", []object{with(all, "annotations", called("app"))},
			[]any{m2["digest"], m3["digest"]}, "", []string{"app:latest=there"}, ""},
		{"index of which two others were written", []object{with(all, "annotations", called("app"))}, []any{m2["digest"]}, "",
			nil, "linux/ppc64le"},
		{"index of which nothing was written", []object{all}, []any{m1["digest"], m2["digest"], m3["digest"]}, "", nil,
			"not in the archive"},
		{"asked for", []object{with(all, "annotations", called("app"))}, nil, "linux/s390x", []string{"app:latest=there"},
			""},
		{"asked for what it has not", []object{with(all, "annotations", called("app"))}, nil, "linux/mips64le", nil,
			"no matching manifest for linux/mips64le"},
		{"for others", []object{with(others, "annotations", called("app"))}, nil, "", nil,
			"no matching manifest for linux/" + host},
		{"for one other", []object{with(b.index(p1), "annotations", called("app"))}, nil, "", []string{"app:latest=there"},
			""},
		{"no index, one name", []object{with(p1, "annotations", called("app")), with(p2, "annotations", called("app"))}, nil,
			"", []string{"app:latest=here"}, ""},
		{"no index, no name", []object{p3, p2, p1}, nil, "", []string{"=here"}, ""},
		{"no index, two names", []object{with(p1, "annotations", called("app:s390x")),
			with(p2, "annotations", called("app"))}, nil, "", []string{"app:s390x=there", "app:latest=here"}, ""},
		{"one image, two names", []object{with(p2, "annotations", called("a")), with(p2, "annotations", called("b"))}, nil,
			"", []string{"a:latest=here", "b:latest=here"}, ""},
		{"two images of one platform", []object{p1, with(m3, "platform", platformOf("s390x"))}, nil, "",
			[]string{"=there", "=far"}, ""},
		{"with a signature and for another system", []object{signature, windows, with(p2, "annotations", called("app"))}, nil,
			"", []string{"app:latest=here"}, ""},
		{"a signature alone", []object{signature}, nil, "", nil, "of no image"},
		{"for another system alone", []object{windows}, nil, "", nil, "windows"},
		{"index in an index", []object{with(b.index(all), "annotations", called("app"))}, nil, "",
			[]string{"app:latest=here"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newBench(t, "vfs")
			var o LoadOptions
			if row.platform != "" {
				p, err := ParsePlatform(row.platform)
				s.must(err)
				o.Platform = &p
			}
			loaded, err := s.Load(context.Background(), bytes.NewReader(b.archive(row.without, row.index...)), o)
			if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
				t.Fatalf("error %v, want %q in it", err, row.says)
			}
			if err != nil {
				s.empty()
				return
			}
			short := map[digest.Digest]string{here.id(): "here", there.id(): "there", far.id(): "far"}
			var got []string
			for _, l := range loaded {
				got = append(got, strings.Join(l.Names, ",")+"="+short[l.Image.ID])
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("loaded %q, want %q", got, row.want)
			}
		})
	}
}

// TestNamesOfLayouts checks which annotations of various tools count as an image's name.
func TestNamesOfLayouts(t *testing.T) {
	s := newSample(t, "x", nil, layerTar(t, fstest.Entry{Name: "f"}))
	for _, row := range []struct {
		ref, image any
		want       string
	}{
		{"docker.io/library/busybox:1.36", nil, "busybox:1.36"},          // skopeo copy docker:// oci-archive:
		{"localhost/app:1", nil, "localhost/app:1"},                      // buildah push oci-archive:
		{"busybox", nil, "busybox:latest"},                               // a short name
		{"busybox:1", nil, "busybox:1"},                                  //
		{"host:5000/app", nil, "host:5000/app:latest"},                   //
		{"latest", nil, ""},                                              // a tag of an unknown repository
		{"1.36.1", nil, ""},                                              //
		{"v2", nil, ""},                                                  //
		{"1.36.1", "docker.io/library/busybox:1.36.1", "busybox:1.36.1"}, // containerd, BuildKit
		{"other", "index.docker.io/library/app", "app:latest"},           //
		{"app:1@sha256:" + strings.Repeat("1", 64), nil, "app:1"},        //
		{"app@sha256:" + strings.Repeat("1", 64), nil, ""},               //
		{"Not A Name", nil, ""},                                          //
		{"app:1", "Not A Name", "app:1"},                                 //
		{7, []string{"x"}, ""},                                           //
		{nil, nil, ""},                                                   //
	} {
		b, annotations := &blobSet{t: t}, object{}
		if row.ref != nil {
			annotations[ocispec.AnnotationRefName] = row.ref
		}
		if row.image != nil {
			annotations["io.containerd.image.name"] = row.image
		}
		store := newBench(t, "vfs")
		loaded := store.load(b.archive(nil, with(b.image(s), "annotations", annotations)))
		if len(loaded) != 1 || strings.Join(loaded[0].Names, ",") != row.want {
			t.Errorf("%v %v: %q, want %q", row.ref, row.image, loaded[0].Names, row.want)
		}
	}
}

// TestInformativeFields checks that fields that only inform may have any type, and fields that an image needs may
// not.
func TestInformativeFields(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f"})
	for _, row := range []struct {
		field string
		ok    bool
	}{
		{`"history":[{},{},{}]`, true},
		{`"history":[]`, true},
		{`"history":[{"empty_layer":true}]`, true},
		{`"history":"none"`, true},
		{`"history":{"a":1}`, true},
		{`"history":[7,"x",{"created":"yesterday","created_by":["sh"],"comment":{},"author":1,"empty_layer":"no"}]`, true},
		{`"created":"yesterday"`, true},
		{`"created":1700000000`, true},
		{`"created":""`, true},
		{`"created":null`, true},
		{`"created":"0000-01-01T00:00:00+23:59"`, true},
		{`"author":["a","b"],"comment":{"x":1},"os.version":7,"os.features":"win32k","variant":[]`, true},
		{`"container":7,"docker_version":[],"parent":{},"x":[[[]]]`, true},
		{`"config":null`, true},
		{`"config":"none"`, false},
		{`"config":{"Env":"A=1"}`, false},
		{`"os":["linux"]`, false},
	} {
		store := newBench(t, "vfs")
		config := fmt.Appendf(nil, `{"os":"linux","architecture":"amd64",%s,"rootfs":{"type":"layers","diff_ids":[%q]}}`,
			row.field, digest.FromBytes(layer))
		s := sample{layers: [][]byte{layer}, tags: []string{"x:1"}, config: config}
		_, err := store.Load(context.Background(), bytes.NewReader(docker24(t, s)), LoadOptions{})
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", row.field, err)
		}
		if err != nil {
			store.empty()
			continue
		}
		saved := store.save("x:1")
		other := newBench(t, "vfs")
		other.load(saved)
		other.holds(s.id(), layer)
		// An image derived from it needs one history line per layer.
		base, err := other.Resolve("x:1")
		other.must(err)
		made, _, err := other.Derive(context.Background(), base, bytes.NewReader(layerTar(t, fstest.Entry{Name: "g"})),
			Step{Comment: "made"})
		if err != nil {
			t.Errorf("%s: %v", row.field, err)
			continue
		}
		filled := 0
		for _, h := range made.Config.History {
			if !h.EmptyLayer {
				filled++
			}
		}
		if last := made.Config.History[len(made.Config.History)-1]; filled < 2 || last.Comment != "made" {
			t.Errorf("%s: the history of what was made of it: %+v", row.field, made.Config.History)
		}
	}
}

// TestRoundTrips checks that archives of other tools are saved with the same layers, and that saving twice gives the
// same bytes.
func TestRoundTrips(t *testing.T) {
	base, top := layerTar(t, fstest.Entry{Name: "f", Body: "base"}), layerTar(t, fstest.Entry{Name: "g", Body: "top"})
	empty := make([]byte, 1024) // just the end of a tar
	odd := append(layerTar(t, fstest.Entry{Name: "h", Body: "x"}), "something behind the end"...)
	samples := []sample{
		newSample(t, "none", []string{"none:1"}),
		newSample(t, "twice", []string{"twice:1"}, base, top, base, top, base),
		newSample(t, "shared", []string{"shared:1", "docker.io/library/shared:2", "index.docker.io/shared:3"}, base, top),
		newSample(t, "empty", []string{"empty:1"}, empty, base, empty),
		newSample(t, "odd", []string{"odd:1"}, odd),
	}
	links := []member{{name: "real/"}, {name: "folder", link: "real"}, {name: "real/1.tar", body: base},
		{name: "2.tar", link: "folder/1.tar"}}
	linked := newSample(t, "links", []string{"links:1"}, base, base)
	links = append(links, member{name: "c.json", body: linked.config},
		member{name: "manifest.json", body: []byte(`[{"Config":"c.json","RepoTags":["links:1"],"Layers":["folder/1.tar","./2.tar"]}]`)})
	for name, raw := range map[string][]byte{"docker 24": docker24(t, samples...), "docker 25": docker25(t, samples...),
		"layout": ociLayout(t, zstded, samples...)} {
		t.Run(name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				b.load(raw)
				b.load(tarOf(b, links...))
				saved := b.save("none", "twice", "shared", "empty", "odd", "links")
				other := newBench(b, b.driver)
				loaded := other.load(saved)
				if len(loaded) != 6 {
					b.Errorf("%d images came back", len(loaded))
				}
				for _, s := range append(slices.Clone(samples), linked) {
					other.holds(s.id(), s.layers...)
					img, err := other.Resolve(s.id().String())
					other.must(err)
					if !bytes.Equal(img.Raw, s.config) {
						b.Errorf("the configuration of %s came back as %s", s.config, img.Raw)
					}
				}
				if again := other.save("none", "twice", "shared", "empty", "odd", "links"); !bytes.Equal(again, saved) {
					b.Error("what was loaded is saved otherwise")
				}
				layout := newBench(b, b.driver)
				layout.load(without(b, saved, "manifest.json"))
				for _, s := range append(slices.Clone(samples), linked) {
					layout.holds(s.id(), s.layers...)
				}
			})
		})
	}
}

// TestFiles checks that an archive of images, in any form, is not taken for a file system, and that file systems pass
// unchanged.
func TestFiles(t *testing.T) {
	s := newSample(t, "x", []string{"x:1"}, layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("x", 9999)}))
	docker, podman := docker24(t, s),
		tarOf(t, member{name: s.layersHex(0) + ".tar", body: s.layers[0]},
			member{name: s.id().Encoded() + ".json", body: s.config})
	for name, raw := range map[string][]byte{"docker 24": docker, "docker 25": docker25(t, s),
		"layout": ociLayout(t, plain, s), "podman": podman,
		"a folder": tarOf(t, member{name: "./"}, member{name: "./oci-layout", body: []byte("{}")})} {
		if _, err := Files(bytes.NewReader(raw)); err == nil || !strings.Contains(err.Error(), "docker load takes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, names := range [][]string{{"./"}, {"bin/", "manifest.json"}, {"manifest.json", "bin/"}, {"blobs/", "blobs/x"},
		{"f"}} {
		var members []member
		for _, n := range names {
			members = append(members, member{name: n})
		}
		raw := tarOf(t, members...)
		r, err := Files(bytes.NewReader(raw))
		if err != nil {
			t.Errorf("%v: %v", names, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%v: %d of %d bytes, %v", names, len(got), len(raw), err)
		}
	}
	if _, err := Files(bytes.NewReader(make([]byte, 1024))); err != nil {
		t.Errorf("an empty tar: %v", err)
	}
}
