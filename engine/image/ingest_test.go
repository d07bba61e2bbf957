package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs/fstest"
)

// TestIngest checks that an image comes in layer by layer, each content once, on top of existing layers, which stay
// even if their own image is removed meanwhile.
func TestIngest(t *testing.T) {
	base, top, last := layerTar(t, fstest.Entry{Name: "a", Body: "a"}), layerTar(t, fstest.Entry{Name: "b", Body: "b"}),
		layerTar(t, fstest.Entry{Name: "c", Body: "c"})
	old := newSample(t, "old", []string{"old:1"}, base, last)
	s := newSample(t, "new", nil, base, top, top, last)
	onDrivers(t, func(b *bench) {
		ctx := context.Background()
		b.load(docker25(b, old))
		img, err := Parse(s.config)
		b.must(err)
		in := b.Ingest(ctx, img)
		if want := []int{1}; !slices.Equal(in.Missing(), want) {
			b.Errorf("missing %v, want %v", in.Missing(), want)
		}
		b.must(b.removed("old:1", false, "", "", []string{"old:1"}, 1))
		if err := in.Commit(ctx, Origin{}, "docker.io/library/new:1"); err == nil {
			b.Error("an image was committed without all of its layers")
		}
		if err := in.Layer(ctx, 1, bytes.NewReader(last), digest.FromBytes(last)); err == nil {
			b.Error("another layer was taken")
		}
		if err := in.Layer(ctx, 1, bytes.NewReader(gzipped(top)), digest.FromBytes(top)); !IsWrongDigest(err) {
			b.Errorf("error %v", err)
		}
		b.must(in.Layer(ctx, 1, bytes.NewReader(gzipped(top)), digest.FromBytes(gzipped(top))))
		o := Origin{Repository: "host.test/new", Manifest: []byte(`{"m":1}`), Blobs: make([]Blob, 4)}
		for n := range o.Blobs {
			o.Blobs[n] = Blob{Digest: digest.FromBytes(gzipped(s.layers[n])), Size: int64(n)}
		}
		b.must(in.Commit(ctx, o, "docker.io/library/new:1"))
		in.Close(ctx)
		b.restart()
		b.holds(s.id(), s.layers...)
		if m := b.Manifests(s.id()); len(m) != 1 || !bytes.Equal(m[0], o.Manifest) {
			b.Errorf("manifests %q", m)
		}
		blobs, err := b.Blobs(digest.FromBytes(top))
		if err != nil || len(blobs) != 1 || blobs[0].Repositories[0] != "host.test/new" {
			b.Errorf("blobs %+v %v", blobs, err)
		}
		b.must(b.removed("new:1", false, "", "", []string{"new:1"}, 5))
		b.restart()
		if blobs, err = b.Blobs(digest.FromBytes(top)); err != nil || len(blobs) != 1 || blobs[0].Left.IsZero() {
			b.Errorf("blobs of a layer that was removed: %+v %v", blobs, err)
		}
		b.empty()
	})
}

// TestIngestCalledOff checks that an abandoned image is removed, with everything that only it kept.
func TestIngestCalledOff(t *testing.T) {
	base, top := layerTar(t, fstest.Entry{Name: "a", Body: "a"}), layerTar(t, fstest.Entry{Name: "b", Body: "b"})
	onDrivers(t, func(b *bench) {
		ctx := context.Background()
		b.load(docker25(b, newSample(b, "old", []string{"old:1"}, base)))
		img, err := Parse(newSample(b, "new", nil, base, top).config)
		b.must(err)
		in := b.Ingest(ctx, img)
		b.must(in.Layer(ctx, 1, bytes.NewReader(top), digest.FromBytes(top)))
		b.must(b.removed("old:1", false, "", "", []string{"old:1"}, 1))
		in.Close(ctx)
		b.empty()
	})
}

// TestLoadBesideRemoval checks that a layer shared with an archive stays until the archive is loaded, even if its
// image is removed.
func TestLoadBesideRemoval(t *testing.T) {
	base := layerTar(t, fstest.Entry{Name: "a", Body: "a"})
	s := newSample(t, "new", []string{"new:1"}, layerTar(t, fstest.Entry{Name: "b", Body: "b"}), base)
	onDrivers(t, func(b *bench) {
		b.load(docker25(b, newSample(b, "old", []string{"old:1"}, base)))
		raw := docker25(b, s)
		at := bytes.Index(raw, []byte("manifest.json")) // after the layers
		r := bytes.NewReader(raw[at:])
		removed := false
		tail := readFunc(func(p []byte) (int, error) {
			if !removed {
				removed = true
				b.must(b.removed("old:1", false, "", "", []string{"old:1"}, 1))
			}
			return r.Read(p)
		})
		_, err := b.Load(context.Background(), io.MultiReader(bytes.NewReader(raw[:at]), tail), LoadOptions{})
		b.must(err)
		b.holds(s.id(), s.layers...)
	})
}

// TestBothTagAndDigest checks that of a name with both, the digest counts, as in Docker.
func TestBothTagAndDigest(t *testing.T) {
	b := newBench(t, "vfs")
	s := newSample(t, "x", []string{"x:1"}, layerTar(t, fstest.Entry{Name: "a"}))
	b.load(docker25(t, s))
	d := digest.FromString("manifest")
	b.must(b.Record(s.id(), Origin{Repository: "docker.io/library/x"}, "docker.io/library/x@"+d.String()))
	for _, ref := range []string{"x@" + d.String(), "x:other@" + d.String()} {
		if img, err := b.Resolve(ref); err != nil || img.ID != s.id() {
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := b.Resolve("x@" + digest.FromString("other").String()); err == nil {
		t.Error("another digest was found")
	}
}

// TestBlobsLeft checks that the latest layers without an image are remembered, and all layers that images have.
func TestBlobsLeft(t *testing.T) {
	b := newBench(t, "vfs")
	at := func(n int) string { return digest.FromString(fmt.Sprint(n)).String() }
	kept := map[digest.Digest]bool{digest.Digest(at(3)): true}
	b.must(b.db.Update(func(tx *state.Tx) error {
		for n := range 20 {
			list := []Blob{{Digest: "x", Left: time.Unix(int64(1000-n), 0)}}
			if n == 7 {
				list[0].Left = time.Time{} // an image still has it
			}
			if err := blobs().Put(tx, at(n), list); err != nil {
				return err
			}
		}
		return trimBlobs(tx, kept, 5)
	}))
	var left []int
	for n := range 20 {
		if list, err := b.Blobs(digest.Digest(at(n))); err == nil && len(list) > 0 {
			left = append(left, n)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 7}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}
}
