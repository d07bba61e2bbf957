package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/fs/fstest"
)

func (s sample) layersHex(n int) string { return digest.FromBytes(s.layers[n]).Encoded() }

// TestBadArchives checks that an incomplete or lying archive leaves nothing, and that the error says what is wrong.
func TestBadArchives(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("content ", 1000)})
	second := layerTar(t, fstest.Entry{Name: "g", Body: "second"})
	good := newSample(t, "good", []string{"good:1"}, layer, second)
	manifest := func(config string, layers ...string) member {
		return member{name: "manifest.json", body: asJSON(t, []entry{{Config: config, Layers: layers}})}
	}
	holding := func(members ...member) []byte { return tarOf(t, members...) }
	cut := docker25(t, good)
	packed := gzipped(cut)
	damaged := bytes.Clone(cut)
	damaged[bytes.Index(damaged, []byte("content content"))] = 'X'
	broken := bytes.Clone(packed)
	broken[len(broken)/2] ^= 0x55
	config := func(json string) []byte {
		return holding(member{name: "l", body: layer}, member{name: "c", body: []byte(json)}, manifest("c", "l"))
	}
	diff := digest.FromBytes(layer)
	for _, row := range []struct {
		name, says string
		raw        []byte
	}{
		{"empty", "read archive: it is empty", nil},
		{"text", "read archive: it is not a tar but a page", []byte(strings.Repeat("<html>not an image</html>\n", 100))},
		{"a program, packed", "read archive: it is not a tar but a program",
			gzipped([]byte("\x7fELF" + strings.Repeat("\x00\x01", 3000)))},
		{"the end of a tar", "neither manifest.json", make([]byte, 10240)},
		{"the files of a system", "docker import",
			layerTar(t, fstest.Entry{Name: "./"}, fstest.Entry{Name: "./bin/"}, fstest.Entry{Name: "./etc/"},
				fstest.Entry{Name: "./etc/x.gz", Body: "\x1f\x8b\x08 no"})},
		{"the files of a large system", "docker import",
			layerTar(t, fstest.Entry{Name: "bin/"}, fstest.Entry{Name: "usr/"},
				fstest.Entry{Name: "usr/x", Body: strings.Repeat("x", 33<<20)})},
		{"in a folder", "in its folder image", holding(member{name: "image/manifest.json", body: []byte("[]")})},
		{"of an old Docker", "before 1.10",
			holding(member{name: "repositories", body: []byte("{}")}, member{name: "x/layer.tar", body: layer})},
		{"a tar of no images", "neither manifest.json", layer},
		{"cut in a layer", "ends too early", cut[:bytes.Index(cut, []byte("content content"))+700]},
		{"cut in a header", "", cut[:bytes.Index(cut, []byte("content content"))-512+100]},
		{"cut before the end", "neither manifest.json", cut[:bytes.Index(cut, []byte("index.json"))]},
		{"cut gzip", "too early", packed[:len(packed)*2/3]},
		{"damaged gzip", "", broken},
		{"damaged layer", "digest", damaged},
		{"cut xz", "xz", append([]byte("\xfd7zXZ\x00"), make([]byte, 100)...)},
		{"no configuration", "not in the archive", holding(member{name: "l", body: layer}, manifest("c", "l"))},
		{"no layer", "not in the archive", holding(member{name: "c", body: good.config}, manifest("c", "l", "m"))},
		{"fewer layers", "2 layers", holding(member{name: "c", body: good.config}, member{name: "l", body: layer},
			manifest("c", "l"))},
		{"another layer", "digest", holding(member{name: "c", body: good.config}, member{name: "l", body: layer},
			manifest("c", "l", "l"))},
		{"layer that is JSON", "not in the archive",
			holding(member{name: "c", body: good.config}, member{name: "l", body: []byte("{}")}, manifest("c", "l", "l"))},
		{"manifest of another kind", "manifest.json", holding(member{name: "manifest.json", body: []byte(`{"Config":7}`)})},
		{"configuration that is no JSON", "configuration", config("<html>")},
		{"digest that is none", "layer", config(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:../../etc"]}}`)},
		{"digest of another kind", "layer",
			config(fmt.Sprintf(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha512:%s"]}}`, strings.Repeat("0", 128)))},
		{"another system", "windows", config(fmt.Sprintf(`{"os":"windows","rootfs":{"type":"layers","diff_ids":[%q]}}`,
			diff))},
		{"too many layers", "126 layers",
			config(fmt.Sprintf(`{"os":"linux","rootfs":{"type":"layers","diff_ids":[%q%s]}}`, diff,
				strings.Repeat(fmt.Sprintf(",%q", diff), 125)))},
		{"name that is none", "UPPER", holding(member{name: "l", body: layer},
			member{name: "c", body: newSample(t, "n", nil, layer).config},
			member{name: "manifest.json", body: []byte(`[{"Config":"c","RepoTags":["UPPER:1"],"Layers":["l"]}]`)})},
		{"blob of another digest", "digest", holding(member{name: "blobs/sha256/" + strings.Repeat("1", 64), body: layer})},
		{"layer that leaves its folder", "leads out",
			docker24(t, newSample(t, "out", nil, layerTar(t, fstest.Entry{Name: "../../x", Body: "x"})))},
		{"index in itself", "deep", nestedIndex(t)},
		{"indexes that multiply", "more than 4096 images", multiplyingIndex(t)},
		{"many images in manifest.json", "at most 4096 are taken",
			holding(member{name: "manifest.json", body: []byte("[" + strings.Repeat("{},", 5000) + "{}]")})},
		{"many names", "20000 names", holding(member{name: "manifest.json",
			body: []byte(`[{"RepoTags":["` + strings.Repeat(`a","`, 19999) + `a"]}]`)})},
		{"deep JSON", "manifest.json", holding(member{name: "manifest.json", body: []byte(strings.Repeat("[", 1<<20))})},
		{"deep index", "index.json", holding(member{name: "index.json",
			body: []byte(`{"manifests":` + strings.Repeat(`[`, 1<<20))})},
		{"manifest of odd types", "index.json", holding(member{name: "index.json", body: []byte(`{"manifests":"none"}`)})},
		{"packed, with something else behind a layer", "something else follows",
			docker24(t, sample{layers: [][]byte{append(gzipped(layer), "garbage"...), second}, config: good.config})},
	} {
		t.Run(row.name, func(t *testing.T) {
			onDrivers(t, func(b *bench) {
				_, err := b.Load(context.Background(), bytes.NewReader(row.raw), LoadOptions{})
				if err == nil || !strings.Contains(err.Error(), row.says) {
					b.Fatalf("error %v, want %q in it", err, row.says)
				}
				if !errdefs.IsInvalidArgument(err) && !errdefs.IsOutOfRange(err) && !errdefs.IsNotImplemented(err) {
					b.Errorf("class of %v", err)
				}
				b.empty()
				b.restart()
				b.empty()
			})
		})
	}
}

// nestedIndex makes a layout of indexes inside indexes.
func nestedIndex(t *testing.T) []byte {
	var members []member
	inner := []byte(`{"manifests":[]}`)
	for range 9 {
		d := digest.FromBytes(inner)
		members = append(members, member{name: "blobs/sha256/" + d.Encoded(), body: inner})
		inner = fmt.Appendf(nil, `{"schemaVersion":2,"manifests":[{"digest":%q,"size":%d}]}`, d, len(inner))
	}
	return tarOf(t, append(members, member{name: "index.json", body: inner})...)
}

// multiplyingIndex makes a layout of five indexes, each of which names the next a hundred times: 10 billion images in
// a few bytes.
func multiplyingIndex(t *testing.T) []byte {
	var members []member
	inner := []byte(`{"config":{"digest":"sha256:0"}}`)
	for range 4 {
		d := digest.FromBytes(inner)
		members = append(members, member{name: "blobs/sha256/" + d.Encoded(), body: inner})
		inner = []byte(`{"manifests":[` + strings.Repeat(fmt.Sprintf(`{"digest":%q},`, d), 99) +
			fmt.Sprintf(`{"digest":%q}]}`, d))
	}
	return tarOf(t, append(members, member{name: "index.json", body: inner})...)
}

// TestTruncated checks that an archive cut anywhere loads whole or not at all.
func TestTruncated(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("content ", 700)})
	s := newSample(t, "cut", []string{"cut:1"}, layer, layerTar(t, fstest.Entry{Name: "g", Body: "second"}))
	for name, raw := range map[string][]byte{"docker 24": docker24(t, s), "docker 25": docker25(t, s),
		"layout": ociLayout(t, gzipped, s), "packed": gzipped(docker25(t, s))} {
		b := newBench(t, "vfs")
		step := 512
		if name == "packed" {
			step = max(len(raw)/40, 1)
		}
		for n := 0; n < len(raw); n += step {
			loaded, err := b.Load(context.Background(), bytes.NewReader(raw[:n]), LoadOptions{})
			if err != nil {
				if !errdefs.IsInvalidArgument(err) || strings.Contains(err.Error(), "not of images") && n > 0 && name == "packed" {
					t.Errorf("%s, cut at %d: %v", name, n, err)
				}
				b.empty()
				continue
			}
			if len(loaded) != 1 || loaded[0].Image.ID != s.id() {
				t.Errorf("%s, cut at %d: loaded %+v", name, n, loaded)
			}
			b.holds(s.id(), s.layers...)
			_, err = b.Remove(context.Background(), s.id().String(), true, func(string) (string, bool) { return "", false })
			b.must(err)
			b.empty()
		}
	}
}

// TestMembersTwice checks that of members with one name the last counts, whatever its type, and that data after the
// end is ignored.
func TestMembersTwice(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: "right"})
	s := newSample(t, "twice", []string{"right:1"}, layer)
	list := []byte(`[{"Config":"c","RepoTags":["right:1"],"Layers":["../l"]}]`)
	for name, first := range map[string][]member{
		"text": {{name: "l", body: []byte("text")}, {name: "c", body: []byte("{}")},
			{name: "manifest.json", body: []byte("[]")}},
		"links": {{name: "l", link: "c"}, {name: "c", link: "l"}, {name: "manifest.json", link: "/etc/passwd"}},
		"layers": {{name: "l", body: layerTar(t, fstest.Entry{Name: "f", Body: "wrong"})}, {name: "c", body: layer},
			{name: "manifest.json", body: layer}},
		"no layer": {{name: "l", body: []byte("BZh9 no")}, {name: "./../c", body: []byte("x")}},
	} {
		b := newBench(t, "vfs")
		raw := tarOf(t, append(first, member{name: "./l", body: layer}, member{name: "c", body: s.config},
			member{name: "/manifest.json", body: list})...)
		raw = append(raw, tarOf(t, member{name: "manifest.json", body: []byte("[{}]")})...)
		if loaded := b.load(raw); len(loaded) != 1 || loaded[0].Image.ID != s.id() {
			t.Errorf("%s: loaded %+v", name, loaded)
		}
		b.holds(s.id(), layer)
	}
}

// TestManyNames checks that thousands of names and images, within the limits, load quickly.
func TestManyNames(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f"})
	s := newSample(t, "x", nil, layer)
	var list []entry
	for n := range 4000 {
		list = append(list, entry{Config: "c", Layers: []string{"l"},
			RepoTags: []string{fmt.Sprintf("a:%d", n), fmt.Sprintf("b:%d", n/2), "same"}})
	}
	b := newBench(t, "vfs")
	begin := time.Now()
	b.load(tarOf(t, member{name: "l", body: layer}, member{name: "c", body: s.config},
		member{name: "manifest.json", body: asJSON(t, list)}))
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	l, err := b.Find(s.id().String())
	b.must(err)
	if len(l.Names) != 6001 {
		t.Errorf("%d names", len(l.Names))
	}
}

// TestHostileSizes checks that members that claim to be huge cost neither memory nor time.
func TestHostileSizes(t *testing.T) {
	header := func(h tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	sparse := pax(t, "l", map[string]string{"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.name": "l",
		"GNU.sparse.size": "8000000000000000000", "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,0"})
	var links bytes.Buffer
	w := tar.NewWriter(&links)
	for n := range 60 {
		h := tar.Header{Name: fmt.Sprint(n), Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 1<<20-100),
			Format: tar.FormatPAX}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name, says string
		raw        []byte
	}{
		{"text of 8 EiB", "", append(header(tar.Header{Name: "c", Typeflag: tar.TypeReg, Size: 1 << 62,
			Format: tar.FormatGNU}), []byte(strings.Repeat("{", 4096))...)},
		{"sparse layer of 8 EB", "sparse", sparse},
		{"links without end", "bytes", links.Bytes()},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, "vfs")
			_, err := b.Load(context.Background(), bytes.NewReader(row.raw), LoadOptions{})
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Fatalf("error %v, want %q in it", err, row.says)
			}
			b.empty()
		})
	}
}

// pax writes an empty file with records that archive/tar refuses to write.
func pax(t *testing.T, name string, records map[string]string) []byte {
	var body strings.Builder
	for k, v := range records {
		n := len(k) + len(v) + 3
		for size := n; ; size++ {
			if line := fmt.Sprintf("%d %s=%s\n", size, k, v); len(line) == size {
				body.WriteString(line)
				break
			}
		}
	}
	raw := bytes.Clone(tarOf(t, member{name: "PaxHeaders/" + name, body: []byte(body.String())}))
	raw[156] = tar.TypeXHeader
	copy(raw[148:156], "        ")
	sum := 0
	for _, b := range raw[:512] {
		sum += int(b)
	}
	copy(raw[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return append(raw[:len(raw)-1024], tarOf(t, member{name: name})...)
}

// TestCancelled checks that a cancelled load leaves nothing.
func TestCancelled(t *testing.T) {
	s := newSample(t, "c", nil, layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("content ", 100_000)}))
	onDrivers(t, func(b *bench) {
		ctx, cancel := context.WithCancel(context.Background())
		raw := bytes.NewReader(docker25(t, s))
		n := 0
		_, err := b.Load(ctx, readFunc(func(p []byte) (int, error) {
			if n++; n == 3 {
				cancel()
			}
			return raw.Read(p[:min(len(p), 20_000)])
		}), LoadOptions{})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		b.empty()
	})
}

// FuzzLoad checks that no archive breaks the reader or leaves anything half made.
func FuzzLoad(f *testing.F) {
	layer := layerTar(f, fstest.Entry{Name: "f", Body: "content"})
	s := newSample(f, "fuzz", []string{"f:1"}, layer, layer)
	multi := &blobSet{t: f}
	index := multi.index(with(multi.image(onPlatform(f, "s390x", layer)), "platform", platformOf("s390x")), multi.image(s))
	packed := gzipped(docker24(f, s))
	for _, raw := range [][]byte{docker24(f, s), docker25(f, s), ociLayout(f, gzipped, s), ociLayout(f, zstded, s), packed,
		packed[:len(packed)/2],
		multi.archive(nil, with(index, "annotations", called("app")))} {
		f.Add(raw)
	}
	b := newBench(f, "vfs")
	f.Fuzz(func(t *testing.T, raw []byte) {
		b.TB = t
		loaded, err := b.Load(context.Background(), io.LimitReader(bytes.NewReader(raw), 1<<20), LoadOptions{})
		if err != nil && loaded != nil {
			t.Error("an error and images")
		}
		if err != nil && repeats(err.Error()) {
			t.Errorf("the error says something twice: %v", err)
		}
		for _, l := range loaded {
			if _, err := b.Remove(context.Background(), l.Image.ID.String(), true,
				func(string) (string, bool) { return "", false }); err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
		}
		b.empty()
	})
}

// repeats reports whether an error has the same part twice in a row.
func repeats(text string) bool {
	parts := strings.Split(text, ": ")
	return len(slices.Compact(slices.Clone(parts))) < len(parts)
}

// FuzzParse checks that no configuration breaks the reader, and that images can be derived from any that parses.
func FuzzParse(f *testing.F) {
	f.Add(newSample(f, "fuzz", nil, []byte("a"), []byte("b")).config)
	f.Add([]byte(`{"os":"linux","created":7,"history":[7,{"created":"x","empty_layer":"no"}],"rootfs":{"type":"layers","diff_ids":[]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		img, err := Parse(raw)
		if err != nil {
			return
		}
		made, err := derived(img, emptyLayer, Step{Comment: "made"})
		if err != nil || len(made.Config.RootFS.DiffIDs) != len(img.Config.RootFS.DiffIDs) {
			t.Errorf("made of %q: %v", raw, err)
		}
	})
}
