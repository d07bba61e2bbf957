package image

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/reference"
	"box/fs"
	"box/fs/archive"
)

// Loaded is one image loaded from an archive.
type Loaded struct {
	Image *Image
	Names []string                 // as users type them
	Moved map[string]digest.Digest // names that pointed at another image before, with its ID
}

// Progress is called with how far the layer id (12 digits) of an archive is: current of total bytes.
type Progress func(id string, current, total int64)

// LoadOptions selects what Load takes; the zero value takes everything.
type LoadOptions struct {
	Progress Progress          // nil for none
	Platform *ocispec.Platform // take only images for it, and refuse an archive without any
}

// Load reads an archive as `docker save` writes it, before and since Docker 25, or an OCI image layout, plain or
// compressed. Layers go straight from the stream into the driver. Images, names and layers appear together, durable,
// only once everything has come and matches its digests. After an error nothing is left.
func (c *Catalog) Load(ctx context.Context, r io.Reader, o LoadOptions) (loaded []Loaded, err error) {
	s := &stager{c: c}
	defer s.drop(context.WithoutCancel(ctx))
	plain, packed, err := archive.Decompress(r)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	defer plain.Close()
	in := io.Reader(plain)
	if packed != archive.None {
		ahead := archive.NewAhead(plain)
		defer ahead.Close()
		in = ahead
	}
	whole, err := begins(in)
	if err != nil {
		return nil, fmt.Errorf("read archive: %w", err)
	}
	a := newArchive(s, o.Progress)
	if err := a.read(ctx, whole); err != nil {
		return nil, err
	}
	want := HostPlatform()
	if o.Platform != nil {
		want = *o.Platform
	}
	wanted, err := a.manifest(want)
	if err != nil {
		return nil, err
	}
	plans, err := a.plans(wanted)
	if err == nil {
		plans, err = forPlatform(plans, o.Platform)
	}
	if err != nil {
		return nil, err
	}
	c.layering.Lock()
	defer c.layering.Unlock()
	return s.commit(ctx, plans)
}

// plan is a complete image: its configuration is parsed, and its layers are here and match it.
type plan struct {
	img    *Image
	layers []*layer      // the lowest first
	names  []string      // full names
	origin *Origin       // nil for none
	parent digest.Digest // the image it was made from here, "" for none

	foreign *row // of the image in another driver, nil for none
}

// plans checks every image of an archive before any is committed.
func (a *archived) plans(wanted []entry) ([]plan, error) {
	var plans []plan
	for _, e := range wanted {
		p, err := a.plan(e)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// forPlatform keeps the images for the requested platform, all if want is nil.
func forPlatform(plans []plan, want *ocispec.Platform) (kept []plan, err error) {
	for _, p := range plans {
		if perr := p.img.CheckPlatform(p.img.ID.String(), want); perr == nil {
			kept = append(kept, p)
		} else {
			err = perr
		}
	}
	if len(kept) > 0 {
		err = nil
	}
	return kept, err
}

func (a *archived) plan(e entry) (p plan, err error) {
	if p.img, err = a.config(e.Config); err != nil {
		return p, fmt.Errorf("configuration %q in the archive: %w", e.Config, err)
	}
	ids := p.img.Config.RootFS.DiffIDs
	if len(ids) != len(e.Layers) {
		return p, fmt.Errorf("image %s has %d layers in its configuration and %d in the archive: %w",
			short(p.img.ID), len(ids), len(e.Layers), errdefs.ErrInvalidArgument)
	}
	for _, tag := range e.RepoTags {
		named, err := reference.Parse(tag)
		if err != nil {
			return p, fmt.Errorf("name %q in the archive: %w: %w", tag, err, errdefs.ErrInvalidArgument)
		}
		if named.Digest != "" {
			return p, fmt.Errorf("name %q in the archive is no tag: %w", tag, errdefs.ErrInvalidArgument)
		}
		p.names = append(p.names, named.OrLatest().String())
	}
	for n, name := range e.Layers {
		at := a.follow(name)
		l, ok := a.layers[at]
		if bad := a.bad[at]; bad != nil {
			return p, fmt.Errorf("layer %q of image %s: %w", name, short(p.img.ID), bad)
		}
		if !ok {
			return p, fmt.Errorf("layer %q of image %s is not in the archive: %w", name, short(p.img.ID),
				errdefs.ErrInvalidArgument)
		}
		if l.diff != ids[n] {
			return p, fmt.Errorf("layer %q of image %s has the digest %s, its configuration says %s: %w",
				name, short(p.img.ID), l.diff, ids[n], errdefs.ErrInvalidArgument)
		}
		p.layers = append(p.layers, l)
	}
	return p, nil
}

// placed is a layer that exists, or will with the commit.
type placed struct {
	name string // its current name in the driver
	size int64
}

// commit stacks the layers of images, syncs them, and makes everything appear in one step; c.layering is held.
func (s *stager) commit(ctx context.Context, plans []plan) ([]Loaded, error) {
	var (
		imgs    []pending
		loaded  []Loaded
		commits []fs.Commit
		keys    []string
	)
	done := map[digest.Digest]placed{}
	for _, p := range plans {
		more, size, err := s.build(ctx, p, done)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", short(p.img.ID), err)
		}
		commits = append(commits, more...)
		imgs = append(imgs, pending{img: p.img, size: size, names: p.names, origin: p.origin, parent: p.parent,
			foreign: p.foreign})
		loaded = append(loaded, Loaded{Image: p.img, Names: familiar(p.names), Moved: s.c.moved(p)})
	}
	for _, c := range commits {
		keys = append(keys, c.Staged)
	}
	if err := s.c.layers.Sync(ctx, keys...); err != nil {
		return nil, fmt.Errorf("write layers to the disk: %w", err)
	}
	return loaded, s.c.add(imgs, commits)
}

// build places the layers of one image; done holds the layers placed so far, by chain ID.
func (s *stager) build(ctx context.Context, p plan, done map[digest.Digest]placed) (commits []fs.Commit, size int64,
	err error) {
	var below digest.Digest
	for n, chain := range p.img.ChainIDs() {
		at, ok := done[chain]
		if !ok {
			info, err := s.c.layers.Stat(ctx, chain.String())
			at, ok = placed{chain.String(), info.Size}, err == nil && info.State == fs.Committed
		}
		if !ok {
			if at.name, at.size, err = s.place(ctx, p.layers[n], done[below].name); err != nil {
				return nil, 0, fmt.Errorf("layer %d: %w", n+1, err)
			}
			commits = append(commits, fs.Commit{Staged: at.name, Name: chain.String(), Parent: below.String(), Size: at.size})
		}
		done[chain] = at
		size += max(at.size, 0)
		below = chain
	}
	return commits, size, nil
}

// moved returns which of an image's names now point at another image.
func (c *Catalog) moved(p plan) map[string]digest.Digest {
	var moved map[string]digest.Digest
	for _, n := range p.names {
		if id, ok := c.named(n); ok && id != p.img.ID {
			if moved == nil {
				moved = map[string]digest.Digest{}
			}
			moved[familiar([]string{n})[0]] = id
		}
	}
	return moved
}
