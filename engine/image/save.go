package image

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/reference"
	"box/engine/refuse"
)

// chosen is an image to be saved under some of its tags.
type chosen struct {
	*Image
	tags []reference.Named
}

// Save writes images as one archive in Docker's form since version 25: an OCI layout with manifest.json and
// repositories beside it. A name without a tag means all tags of its repository. Layers are the exact tars that the
// images were made from. They are streamed, not buffered, and nothing is written before everything is known to exist.
// The images stay whole until Save returns, even if they are removed. If platform is set, all images have to be for
// it.
func (c *Catalog) Save(ctx context.Context, refs []string, platform *ocispec.Platform, w io.Writer) ([]*Image, error) {
	list, err := c.choose(refs)
	if err != nil {
		return nil, err
	}
	var images []*Image
	for _, img := range list {
		if err := img.CheckPlatform(img.ID.String(), platform); err != nil {
			return nil, err
		}
		images = append(images, img.Image)
	}
	defer c.pin(images)(context.WithoutCancel(ctx))
	a := saving{c: c, files: map[string]saved{}}
	for _, img := range list {
		if err = a.add(ctx, img); err != nil {
			break
		}
	}
	if err == nil {
		err = a.write(ctx, w)
	}
	return images, err
}

// choose finds images and the tags to save them under, each image once.
func (c *Catalog) choose(refs []string) ([]*chosen, error) {
	var list []*chosen
	by := map[digest.Digest]*chosen{}
	add := func(id digest.Digest, tag reference.Named) error {
		img, ok := by[id]
		if !ok {
			opened, err := c.open(id)
			if err != nil {
				return err
			}
			img = &chosen{Image: opened}
			by[id] = img
			list = append(list, img)
		}
		if tag.Tag != "" && tag.Digest == "" && !slices.Contains(img.tags, tag) {
			img.tags = append(img.tags, tag)
		}
		return nil
	}
	for _, ref := range refs {
		if err := c.match(ref, add); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// match calls add for each image, and its tag if it has one, that one argument of save means.
func (c *Catalog) match(ref string, add func(id digest.Digest, tag reference.Named) error) error {
	id, err := c.find(ref)
	named, nerr := reference.Parse(ref)
	if err == nil && isID(ref, id) {
		return add(id, reference.Named{})
	}
	if nerr == nil && named.IsNameOnly() {
		tags := c.tagsOf(named.Name())
		for _, t := range tags {
			id, _ := c.named(t.String())
			if err := add(id, t); err != nil {
				return err
			}
		}
		if len(tags) > 0 {
			return nil
		}
		if errdefs.IsNotFound(err) {
			err = missing(ref)
		}
	}
	if err != nil {
		if nerr == nil && !named.IsNameOnly() && errdefs.IsNotFound(err) {
			return refuse.NotFound("reference does not exist")
		}
		return err
	}
	return add(id, named)
}

// tagsOf lists the tags of a repository, sorted.
func (c *Catalog) tagsOf(repository string) (tags []reference.Named) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for n := range c.names {
		if r, err := reference.Parse(n); err == nil && r.Name() == repository && r.Digest == "" {
			tags = append(tags, r)
		}
	}
	slices.SortFunc(tags, func(a, b reference.Named) int { return cmp.Compare(a.String(), b.String()) })
	return tags
}

// saved is one file of an archive: bytes, or the tar of a layer.
type saved struct {
	raw   []byte
	layer string // in the driver, "" for raw
	size  int64
	at    time.Time
}

// saving is an archive being assembled.
type saving struct {
	c        *Catalog
	files    map[string]saved
	index    ocispec.Index
	manifest []savedEntry
	tags     map[string]map[string]string // repository, tag -> digest of the top layer
}

// savedEntry is an image in manifest.json.
type savedEntry struct {
	Config       string
	RepoTags     []string
	Layers       []string
	LayerSources map[digest.Digest]ocispec.Descriptor `json:",omitempty"`
}

func blobName(d digest.Digest) string { return "blobs/sha256/" + d.Encoded() }

// blob adds content from memory.
func (a *saving) blob(kind string, raw []byte, at time.Time) ocispec.Descriptor {
	d := digest.FromBytes(raw)
	a.files[blobName(d)] = saved{raw: raw, size: int64(len(raw)), at: at}
	return ocispec.Descriptor{MediaType: kind, Digest: d, Size: int64(len(raw))}
}

// layer adds a layer of an image.
func (a *saving) layer(ctx context.Context, chain, diff digest.Digest, at time.Time) (ocispec.Descriptor, error) {
	size, err := a.c.layers.TarSize(ctx, chain.String())
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if _, ok := a.files[blobName(diff)]; !ok {
		a.files[blobName(diff)] = saved{layer: chain.String(), size: size, at: at}
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: diff, Size: size}, nil
}

// add adds an image to the archive.
func (a *saving) add(ctx context.Context, img *chosen) error {
	platform := img.Platform()
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{}}
	m.SchemaVersion = 2
	m.Config = a.blob(ocispec.MediaTypeImageConfig, img.Raw, img.created())
	m.Config.Platform = &platform
	e := savedEntry{Config: blobName(img.ID), Layers: []string{}, LayerSources: map[digest.Digest]ocispec.Descriptor{}}
	for n, chain := range img.ChainIDs() {
		diff := img.Config.RootFS.DiffIDs[n]
		d, err := a.layer(ctx, chain, diff, img.created())
		if err != nil {
			return fmt.Errorf("save image %s: %w", short(img.ID), err)
		}
		m.Layers = append(m.Layers, d)
		e.Layers = append(e.Layers, blobName(diff))
		e.LayerSources[diff] = d
	}
	d := a.blob(ocispec.MediaTypeImageManifest, mustJSON(m), time.Unix(0, 0))
	d.Platform = &platform
	if len(img.tags) == 0 {
		a.index.Manifests = append(a.index.Manifests, d)
	}
	for _, t := range img.tags {
		d.Annotations = map[string]string{"io.containerd.image.name": t.String(), ocispec.AnnotationRefName: t.Tag}
		a.index.Manifests = append(a.index.Manifests, d)
		e.RepoTags = append(e.RepoTags, t.Familiar())
		a.legacy(t.FamiliarName(), t.Tag, img.Config.RootFS.DiffIDs)
	}
	a.manifest = append(a.manifest, e)
	return nil
}

// legacy records a tag for the file repositories, where it points at the top layer.
func (a *saving) legacy(repository, tag string, diffs []digest.Digest) {
	if len(diffs) == 0 {
		return
	}
	if a.tags == nil {
		a.tags = map[string]map[string]string{}
	}
	if a.tags[repository] == nil {
		a.tags[repository] = map[string]string{}
	}
	a.tags[repository][tag] = diffs[len(diffs)-1].Encoded()
}

// write writes all files, sorted by name.
func (a *saving) write(ctx context.Context, w io.Writer) error {
	epoch := time.Unix(0, 0)
	small := func(name string, raw []byte) { a.files[name] = saved{raw: raw, size: int64(len(raw)), at: epoch} }
	a.index.SchemaVersion, a.index.MediaType = 2, ocispec.MediaTypeImageIndex
	small("index.json", mustJSON(a.index))
	small("manifest.json", append(mustJSON(a.manifest), '\n'))
	small("oci-layout", []byte(`{"imageLayoutVersion": "1.0.0"}`))
	if len(a.tags) > 0 {
		small("repositories", append(mustJSON(a.tags), '\n'))
	}
	t := tar.NewWriter(w)
	for _, dir := range []string{"blobs/", "blobs/sha256/"} {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: epoch}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		f := a.files[name]
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: f.size,
			ModTime: f.at}); err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
		if err := a.content(ctx, t, name, f); err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
	}
	return t.Close()
}

// content writes one file, and fails if a layer does not match its name.
func (a *saving) content(ctx context.Context, w io.Writer, name string, f saved) error {
	if f.layer == "" {
		_, err := w.Write(f.raw)
		return err
	}
	return a.c.tar(ctx, f.layer, w, func(d digest.Digest) bool { return blobName(d) == name })
}
