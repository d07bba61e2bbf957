package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/fs/fstest"
)

func (s sample) layersHex(n int) string { return digest.FromBytes(s.layers[n]).Encoded() }

// TestBadArchives: nothing is left of an archive that is not whole or lies, and the error says what is wrong with it.
func TestBadArchives(t *testing.T) {
	layer := layerTar(t, fstest.Entry{Name: "f", Body: strings.Repeat("content ", 1000)})
	second := layerTar(t, fstest.Entry{Name: "g", Body: "second"})
	good := newSample(t, "good", []string{"good:1"}, layer, second)
	manifest := func(config string, layers ...string) member {
		return member{name: "manifest.json", body: asJSON(t, []entry{{Config: config, Layers: layers}})}
	}
	with := func(members ...member) []byte { return tarOf(t, members...) }
	cut := docker25(t, good)
	packed := gzipped(cut)
	damaged := bytes.Clone(cut)
	damaged[bytes.Index(damaged, []byte("content content"))] = 'X'
	broken := bytes.Clone(packed)
	broken[len(broken)/2] ^= 0x55
	config := func(json string) []byte {
		return with(member{name: "l", body: layer}, member{name: "c", body: []byte(json)}, manifest("c", "l"))
	}
	diff := digest.FromBytes(layer)
	for _, row := range []struct {
		name, says string
		raw        []byte
	}{
		{"empty", "neither manifest.json", nil},
		{"text", "read archive", []byte(strings.Repeat("<html>not an image</html>\n", 100))},
		{"a tar of no images", "neither manifest.json", layer},
		{"cut in a layer", "ends too early", cut[:bytes.Index(cut, []byte("content content"))+700]},
		{"cut in a header", "", cut[:bytes.Index(cut, []byte("content content"))-512+100]},
		{"cut before the end", "neither manifest.json", cut[:bytes.Index(cut, []byte("index.json"))]},
		{"cut gzip", "too early", packed[:len(packed)*2/3]},
		{"damaged gzip", "", broken},
		{"damaged layer", "digest", damaged},
		{"xz", "xz", append([]byte("\xfd7zXZ\x00"), make([]byte, 100)...)},
		{"no configuration", "not in the archive", with(member{name: "l", body: layer}, manifest("c", "l"))},
		{"no layer", "not in the archive", with(member{name: "c", body: good.config}, manifest("c", "l", "m"))},
		{"fewer layers", "2 layers", with(member{name: "c", body: good.config}, member{name: "l", body: layer}, manifest("c", "l"))},
		{"another layer", "digest", with(member{name: "c", body: good.config}, member{name: "l", body: layer}, manifest("c", "l", "l"))},
		{"layer that is JSON", "not in the archive", with(member{name: "c", body: good.config}, member{name: "l", body: []byte("{}")}, manifest("c", "l", "l"))},
		{"manifest of another kind", "manifest.json", with(member{name: "manifest.json", body: []byte(`{"Config":7}`)})},
		{"configuration that is no JSON", "configuration", config("<html>")},
		{"digest that is none", "layer", config(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:../../etc"]}}`)},
		{"digest of another kind", "layer", config(fmt.Sprintf(`{"os":"linux","rootfs":{"type":"layers","diff_ids":["sha512:%s"]}}`, strings.Repeat("0", 128)))},
		{"another system", "windows", config(fmt.Sprintf(`{"os":"windows","rootfs":{"type":"layers","diff_ids":[%q]}}`, diff))},
		{"history that lies", "history", config(fmt.Sprintf(`{"os":"linux","history":[{},{}],"rootfs":{"type":"layers","diff_ids":[%q]}}`, diff))},
		{"too many layers", "126 layers", config(fmt.Sprintf(`{"os":"linux","rootfs":{"type":"layers","diff_ids":[%q%s]}}`, diff, strings.Repeat(fmt.Sprintf(",%q", diff), 125)))},
		{"name that is none", "UPPER", with(member{name: "l", body: layer}, member{name: "c", body: newSample(t, "n", nil, layer).config},
			member{name: "manifest.json", body: []byte(`[{"Config":"c","RepoTags":["UPPER:1"],"Layers":["l"]}]`)})},
		{"blob of another digest", "digest", with(member{name: "blobs/sha256/" + strings.Repeat("1", 64), body: layer})},
		{"layer that leaves its folder", "leads out", docker24(t, newSample(t, "out", nil, layerTar(t, fstest.Entry{Name: "../../x", Body: "x"})))},
		{"index in itself", "deep", nestedIndex(t)},
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

// nestedIndex is a layout of indexes in indexes.
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

// TestHostileSizes: what claims to be large costs neither memory nor time.
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
		h := tar.Header{Name: fmt.Sprint(n), Typeflag: tar.TypeSymlink, Linkname: strings.Repeat("x", 1<<20-100), Format: tar.FormatPAX}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name, says string
		raw        []byte
	}{
		{"text of 8 EiB", "", append(header(tar.Header{Name: "c", Typeflag: tar.TypeReg, Size: 1 << 62, Format: tar.FormatGNU}), []byte(strings.Repeat("{", 4096))...)},
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

// pax is a file of no bytes with records that archive/tar does not write.
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

// TestCancelled: a load that is called off leaves nothing.
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

// FuzzLoad: no archive breaks the reader or leaves something half made.
func FuzzLoad(f *testing.F) {
	layer := layerTar(f, fstest.Entry{Name: "f", Body: "content"})
	s := newSample(f, "fuzz", []string{"f:1"}, layer, layer)
	for _, raw := range [][]byte{docker24(f, s), docker25(f, s), ociLayout(f, gzipped, s), ociLayout(f, zstded, s), gzipped(docker24(f, s))} {
		f.Add(raw)
	}
	b := newBench(f, "vfs")
	f.Fuzz(func(t *testing.T, raw []byte) {
		b.TB = t
		loaded, err := b.Load(context.Background(), io.LimitReader(bytes.NewReader(raw), 1<<20), LoadOptions{})
		if err != nil && loaded != nil {
			t.Error("an error and images")
		}
		for _, l := range loaded {
			if _, err := b.Remove(context.Background(), l.Image.ID.String(), true, func(string) (string, bool) { return "", false }); err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
		}
		b.empty()
	})
}
