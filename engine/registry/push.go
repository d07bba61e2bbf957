package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
	"box/engine/reference"
	"box/panics"
)

// Push sends the image id to its registry under a tag. It does not send layers that the registry has, in this
// repository or in another that they were seen in. If the registry has all layers of a manifest that came with a
// pull, it gets that manifest, byte for byte.
func (c *Client) Push(ctx context.Context, from *image.Catalog, ref reference.Named, id digest.Digest, auth Auth,
	tell Tell) (err error) {
	defer func() {
		if errors.Is(err, errNoCredentials) {
			err = errNoCredentials // as in Docker, without the URL of the request
		}
	}()
	img, err := from.Outgo(id)
	if err != nil {
		return err
	}
	defer img.Close(ctx)
	r, err := c.connect(ctx, ref, auth)
	if err != nil {
		return err
	}
	u := upload{r: r, from: from, img: img, tell: tell, blobs: make([]image.Blob, len(img.Config.RootFS.DiffIDs))}
	for _, raw := range from.Manifests(id) {
		if m, err := kept(raw); err == nil && m.Config.Digest == id && len(m.Layers) == len(u.blobs) {
			u.manifests = append(u.manifests, m)
		}
	}
	if err := u.layers(ctx); err != nil {
		return err
	}
	if err := u.config(ctx); err != nil {
		return err
	}
	return u.manifest(ctx, ref)
}

// upload sends one image.
type upload struct {
	r         *repository
	from      *image.Catalog
	img       *image.Outgo
	manifests []*manifest  // those under which registries have it, the latest first
	blobs     []image.Blob // the layers as they now are in the repository

	mu   sync.Mutex // guards the fields below and calls of tell
	tell Tell
	err  error // the first error of tell
}

// say tells a line. After tell's first error it only returns that error.
func (u *upload) say(l Line) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = u.tell(l)
	}
	return u.err
}

func (u *upload) diffs() []digest.Digest { return u.img.Config.RootFS.DiffIDs }

// layers sends the layers that the repository lacks, several at once; the first error cancels the others.
func (u *upload) layers(ctx context.Context) error {
	var wanted []int // from the top down, each content once
	for n, d := range slices.Backward(u.diffs()) {
		if !slices.Contains(u.diffs()[:n], d) {
			wanted = append(wanted, n)
		}
	}
	for i, status := range []string{"Preparing", "Waiting"} {
		for _, n := range wanted[min(len(wanted), i*cap(u.r.c.uploads)):] {
			if err := u.say(Line{ID: shortOf(u.diffs()[n]), Status: status}); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, n := range wanted {
		all.Go(func() {
			if err := panics.Call(func() error { return u.layer(ctx, n) }); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	for n, d := range u.diffs() {
		u.blobs[n] = u.blobs[slices.Index(u.diffs(), d)]
	}
	return context.Cause(ctx)
}

// layer makes sure that one layer is in the repository.
func (u *upload) layer(ctx context.Context, n int) error {
	select {
	case u.r.c.uploads <- struct{}{}:
		defer func() { <-u.r.c.uploads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	id := shortOf(u.diffs()[n])
	known, err := u.known(n)
	if err != nil {
		return err
	}
	blob, how, err := u.find(ctx, known)
	if err != nil {
		return err
	}
	if how == "" {
		if blob, err = u.send(ctx, n); err != nil {
			return err
		}
		how = "Pushed"
	}
	u.blobs[n] = blob
	return u.say(Line{ID: id, Status: how})
}

// known lists the forms in which registries have a layer, those in manifests that came with the image first.
func (u *upload) known(n int) ([]image.Blob, error) {
	all, err := u.from.Blobs(u.diffs()[n])
	if err != nil {
		return nil, err
	}
	rank := func(b image.Blob) int {
		at := slices.IndexFunc(u.manifests, func(m *manifest) bool { return m.Layers[n].Digest == b.Digest })
		if at < 0 {
			return len(u.manifests)
		}
		return at
	}
	slices.SortStableFunc(all, func(a, b image.Blob) int { return rank(a) - rank(b) })
	return all, nil
}

// Bounds on the search for a layer before it is sent.
const (
	maxAsked   = 4 // forms
	maxMounted = 4 // repositories
)

// find looks for a layer in the repository, and for another repository of the same registry to mount it from.
func (u *upload) find(ctx context.Context, known []image.Blob) (blob image.Blob, how string, err error) {
	for _, b := range known[:min(len(known), maxAsked)] {
		there, err := u.r.has(ctx, b.Digest)
		if err != nil || there {
			return b, "Layer already exists", err
		}
		mounts := 0
		for _, name := range b.Repositories {
			from, ok := u.sibling(name)
			if !ok || mounts == maxMounted {
				continue
			}
			mounts++
			mounted, err := u.r.mount(ctx, b.Digest, from)
			if err != nil {
				return b, "", err
			}
			if mounted {
				return b, "Mounted from " + from, nil
			}
		}
	}
	return image.Blob{}, "", nil
}

// sibling returns the path of another repository if it is at the same registry.
func (u *upload) sibling(name string) (path string, ok bool) {
	other, err := reference.Parse(name)
	if err != nil || other.Domain != u.r.ref.Domain || other.Name() == u.r.ref.Name() {
		return "", false
	}
	return other.Path, true
}

// config sends the image's configuration.
func (u *upload) config(ctx context.Context) error {
	there, err := u.r.has(ctx, u.img.ID)
	if err != nil || there {
		return err
	}
	return u.r.put(ctx, u.img.ID, u.img.Raw)
}

// manifest sends the manifest and records it.
func (u *upload) manifest(ctx context.Context, ref reference.Named) error {
	m := u.fitting()
	if m == nil {
		var err error
		if m, err = u.made(); err != nil {
			return err
		}
	}
	if err := u.r.putManifest(ctx, ref.Tag, m); err != nil {
		return err
	}
	o := image.Origin{Repository: ref.Name(), Manifest: m.raw, Blobs: u.blobs}
	if err := u.from.Record(u.img.ID, o, ref.Name()+"@"+m.digest.String()); err != nil && !errdefs.IsNotFound(err) {
		return err // not found is fine: the image was removed meanwhile
	}
	if err := u.say(Line{Status: fmt.Sprintf("%s: digest: %s size: %d", ref.Tag, m.digest, len(m.raw))}); err != nil {
		return err
	}
	return u.say(Line{Aux: struct {
		Tag    string
		Digest string
		Size   int
	}{ref.Tag, m.digest.String(), len(m.raw)}})
}

// fitting returns a manifest that came with the image if the repository has exactly its layers, else nil.
func (u *upload) fitting() *manifest {
	for _, m := range u.manifests {
		if slices.EqualFunc(m.Layers, u.blobs,
			func(d ocispec.Descriptor, b image.Blob) bool { return d.Digest == b.Digest && d.Size == b.Size }) {
			return m
		}
	}
	return nil
}

// kept parses a manifest kept from an earlier transfer.
func kept(raw []byte) (*manifest, error) {
	m := &manifest{raw: raw, digest: digest.FromBytes(raw)}
	return m, m.read("manifest "+m.digest.String(), "")
}

// putManifest sends a manifest under a tag.
func (r *repository) putManifest(ctx context.Context, tag string, m *manifest) error {
	res, err := r.do(ctx, call{method: http.MethodPut, url: r.url("manifests/" + tag), scopes: r.pushing(), again: m.raw,
		header: http.Header{"Content-Type": {m.kind}}})
	if err != nil {
		return err
	}
	drain(res)
	return nil
}
