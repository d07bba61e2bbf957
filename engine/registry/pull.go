package registry

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/reference"
	"box/panics"
)

// Pulled is an image that a pull fetched or found already present.
type Pulled struct {
	Image *image.Image
	Ref   reference.Named // as it was requested
	New   bool            // a name is new or now points at another image
}

// Pull brings the image that ref names, by tag or digest, into the catalog; a ref with neither means all tags. The
// image appears with its names, the tag and the digest, once all of it is on the disk. After an error, or if ctx
// ends, nothing of that image is left. A nil platform means this host's.
func (c *Client) Pull(ctx context.Context, into *image.Catalog, ref reference.Named, auth Auth,
	platform *ocispec.Platform, tell Tell) ([]Pulled, error) {
	for _, m := range c.mirrorsOf(ref) {
		r, err := c.mirror(ctx, m, ref)
		if err == nil {
			var all []Pulled
			if all, err = c.pullFrom(ctx, r, into, ref, platform, tell); err == nil || len(all) > 0 || ctx.Err() != nil {
				return all, err
			}
		}
		if ctx.Err() != nil {
			return nil, err
		}
	}
	r, err := c.connect(ctx, ref, auth)
	if err != nil {
		return nil, pullError(err, ref)
	}
	return c.pullFrom(ctx, r, into, ref, platform, tell)
}

// pullFrom is Pull from one registry or mirror.
func (c *Client) pullFrom(ctx context.Context, r *repository, into *image.Catalog, ref reference.Named,
	platform *ocispec.Platform, tell Tell) ([]Pulled, error) {
	want := image.HostPlatform()
	if platform != nil {
		want = *platform
	}
	refs := []reference.Named{ref}
	if ref.IsNameOnly() {
		var err error
		if refs, err = r.tags(ctx); err != nil {
			return nil, pullError(err, ref)
		}
	}
	var all []Pulled
	for _, one := range refs {
		p, err := r.pull(ctx, into, one, want, tell)
		if err != nil {
			return all, pullError(err, one)
		}
		all = append(all, p)
	}
	return all, nil
}

// nameOf returns a reference's digest or else its tag, and whether it is a digest.
func nameOf(ref reference.Named) (name string, digested bool) {
	if ref.Digest != "" {
		return ref.Digest.String(), true
	}
	return ref.OrLatest().Tag, false
}

// pull pulls one image.
func (r *repository) pull(ctx context.Context, into *image.Catalog, ref reference.Named, want ocispec.Platform,
	tell Tell) (Pulled, error) {
	name, digested := nameOf(ref)
	top, err := r.manifest(ctx, name)
	if err != nil {
		return Pulled{}, err
	}
	shown := name
	if digested {
		shown = ref.String()
	}
	if err := tell(Line{ID: shown, Status: "Pulling from " + r.path(), Plain: true}); err != nil {
		return Pulled{}, err
	}
	m, err := r.forPlatform(ctx, top, want, maxNested)
	if err != nil {
		return Pulled{}, err
	}
	img, err := r.config(ctx, into, m)
	if err != nil {
		return Pulled{}, err
	}
	names := []string{ref.Repository().String() + "@" + top.digest.String()}
	if !digested {
		names = append(names, ref.OrLatest().String())
	}
	p := Pulled{Image: img, Ref: ref, New: !into.Named(img.ID, names...)}
	if p.New {
		if err := r.layers(ctx, into, img, m, names, tell); err != nil {
			return Pulled{}, err
		}
	}
	return p, tell(Line{Status: "Digest: " + top.digest.String()})
}

// config returns an image's configuration from the catalog, or else fetches it.
func (r *repository) config(ctx context.Context, into *image.Catalog, m *manifest) (*image.Image, error) {
	img, err := into.Resolve(m.Config.Digest.String())
	if err != nil {
		raw, err := r.bytes(ctx, m.Config)
		if err != nil {
			return nil, err
		}
		if img, err = image.Parse(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", r.ref.Name(), err)
		}
	}
	if have, want := len(img.Config.RootFS.DiffIDs), len(m.Layers); have != want {
		return nil, fmt.Errorf("%s has %d layers in its configuration and %d in its manifest: %w", r.ref.Name(), have, want,
			errdefs.ErrInvalidArgument)
	}
	return img, nil
}

// layers fetches the missing layers, several at once, and makes the image appear.
func (r *repository) layers(ctx context.Context, into *image.Catalog, img *image.Image, m *manifest, names []string,
	tell Tell) (err error) {
	in := into.Ingest(ctx, img)
	defer in.Close(ctx)
	d := download{r: r, in: in, m: m, missing: in.Missing(), done: make([]bool, len(m.Layers)), tell: tell}
	if err := d.run(ctx); err != nil {
		return err
	}
	o := image.Origin{Repository: r.ref.Name(), Manifest: m.raw}
	if o.Blobs, err = d.checked(into, img.Config.RootFS.DiffIDs); err != nil {
		return err
	}
	if err := in.Commit(ctx, o, names...); err != nil {
		return err
	}
	return d.complete()
}

// checked lists the manifest's layers as compressed content. It leaves the digest empty unless the layer was unpacked
// now or before, since nobody has verified a registry's claim about a layer that was already here.
func (d *download) checked(into *image.Catalog, diffs []digest.Digest) (list []image.Blob, err error) {
	for n, l := range d.m.Layers {
		came := slices.ContainsFunc(d.missing,
			func(k int) bool { return diffs[k] == diffs[n] && d.m.Layers[k].Digest == l.Digest })
		b := image.Blob{Digest: l.Digest, Size: l.Size, MediaType: l.MediaType}
		if !came {
			known, err := into.Blobs(diffs[n])
			if err != nil {
				return nil, err
			}
			at := slices.IndexFunc(known, func(k image.Blob) bool { return k.Digest == l.Digest })
			if b = (image.Blob{}); at >= 0 {
				b = image.Blob{Digest: known[at].Digest, Size: known[at].Size, MediaType: known[at].MediaType}
			}
		}
		list = append(list, b)
	}
	return list, nil
}

// download transfers an image's missing layers.
type download struct {
	r       *repository
	in      *image.Ingest
	m       *manifest
	missing []int // the lowest first

	mu   sync.Mutex // guards the fields below and calls of tell
	tell Tell
	err  error // the first error of tell
	done []bool
}

// say tells a line. After tell's first error it only returns that error.
func (d *download) say(l Line) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = d.tell(l)
	}
	return d.err
}

func shortOf(d digest.Digest) string { return d.Encoded()[:12] }

// run fetches all missing layers; the first error cancels the others.
func (d *download) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := d.announce(); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, n := range d.missing {
		all.Go(func() {
			if err := panics.Call(func() error { return d.layer(ctx, n) }); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// announce tells the state of all layers, including those that wait for a slot.
func (d *download) announce() error {
	next := 0
	for n, l := range d.m.Layers {
		status := "Already exists"
		if next < len(d.missing) && d.missing[next] == n {
			status = "Pulling fs layer"
			next++
		}
		if err := d.say(Line{ID: shortOf(l.Digest), Status: status}); err != nil {
			return err
		}
	}
	for _, n := range d.missing[min(len(d.missing), cap(d.r.c.downloads)):] {
		if err := d.say(Line{ID: shortOf(d.m.Layers[n].Digest), Status: "Waiting"}); err != nil {
			return err
		}
	}
	return nil
}

// layer streams one layer from the connection into the storage driver.
func (d *download) layer(ctx context.Context, n int) error {
	select {
	case d.r.c.downloads <- struct{}{}:
		defer func() { <-d.r.c.downloads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l := d.m.Layers[n]
	id := shortOf(l.Digest)
	b := d.r.blob(ctx, l, func(seconds int) error {
		return d.say(Line{ID: id, Status: retrying(seconds)})
	})
	defer b.Close()
	err := d.in.Layer(ctx, n, d.counted(id, b), l.Digest)
	if err != nil {
		if image.IsWrongDigest(err) {
			err = &told{"filesystem layer verification failed for digest " + l.Digest.String(), errdefs.ErrDataLoss}
		}
		return err
	}
	for _, status := range []string{"Verifying Checksum", "Download complete"} {
		if err := d.say(Line{ID: id, Status: status}); err != nil {
			return err
		}
	}
	return nil
}

// counted reports how much of a layer has come.
func (d *download) counted(id string, b *blob) io.Reader {
	var said time.Time
	return readFunc(func(p []byte) (int, error) {
		n, err := b.Read(p)
		if n > 0 && (b.at == b.d.Size || time.Since(said) >= tellEvery) {
			said = time.Now()
			if serr := d.say(Line{ID: id, Status: "Downloading", Current: b.at, Total: b.d.Size}); err == nil {
				err = serr
			}
		}
		return n, err
	})
}

// tellEvery is the shortest time between two reports on a layer.
const tellEvery = 100 * time.Millisecond

// readFunc makes an io.Reader of a function.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// complete tells that all layers are extracted.
func (d *download) complete() error {
	for _, n := range d.missing {
		l := d.m.Layers[n]
		if err := d.say(Line{ID: shortOf(l.Digest), Status: "Extracting", Current: l.Size, Total: l.Size}); err != nil {
			return err
		}
		if err := d.say(Line{ID: shortOf(l.Digest), Status: "Pull complete"}); err != nil {
			return err
		}
	}
	return nil
}
