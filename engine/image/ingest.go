package image

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/fs"
)

// Ingest is an image that comes in layer by layer. Close removes all of it unless Commit has made it appear.
type Ingest struct {
	s      *stager
	img    *Image
	layers []*layer // the lowest first; nil if missing or among the placed
	placed int      // how many of the lowest layers are committed already
}

// Ingest begins to bring an image in. Layers that exist already stay until Close, even if their images are removed.
func (c *Catalog) Ingest(ctx context.Context, img *Image) *Ingest {
	i := &Ingest{s: &stager{c: c}, img: img, layers: make([]*layer, len(img.Config.RootFS.DiffIDs))}
	for _, chain := range img.ChainIDs() {
		if !i.s.hold(ctx, chain) {
			break
		}
		i.placed++
	}
	known := c.diffs()
	for n := i.placed; n < len(i.layers); n++ {
		diff := img.Config.RootFS.DiffIDs[n]
		if name, ok := known[diff]; ok && i.s.hold(ctx, digest.Digest(name)) {
			i.layers[n] = &layer{diff: diff, chain: name}
		}
	}
	return i
}

// committed reports whether the driver has a layer, committed.
func (c *Catalog) committed(ctx context.Context, chain digest.Digest) bool {
	info, err := c.layers.Stat(ctx, chain.String())
	return err == nil && info.State == fs.Committed
}

// Missing lists the layers to call Layer for, the lowest first. A layer that the image has twice is listed once.
func (i *Ingest) Missing() (list []int) {
	diffs := i.img.Config.RootFS.DiffIDs
	for n := i.placed; n < len(diffs); n++ {
		if i.layers[n] == nil && !slices.Contains(diffs[i.placed:n], diffs[n]) {
			list = append(list, n)
		}
	}
	return list
}

// Layer reads layer n, plain or compressed, to its end. packed is the expected digest of the bytes as they come.
// Several goroutines may each read a layer.
func (i *Ingest) Layer(ctx context.Context, n int, r io.Reader, packed digest.Digest) error {
	l, err := i.s.take(ctx, r, packed)
	if err != nil {
		return err
	}
	if want := i.img.Config.RootFS.DiffIDs[n]; l.diff != want {
		return fmt.Errorf("layer %d of image %s has the digest %s, its configuration says %s: %w", n+1, short(i.img.ID),
			l.diff, want, errdefs.ErrInvalidArgument)
	}
	i.layers[n] = l
	return nil
}

// Commit makes the image appear under its full names once all layers have come.
func (i *Ingest) Commit(ctx context.Context, o Origin, names ...string) error {
	diffs := i.img.Config.RootFS.DiffIDs
	for n := i.placed; n < len(diffs); n++ {
		if first := slices.Index(diffs[i.placed:n], diffs[n]); first >= 0 && i.layers[n] == nil {
			i.layers[n] = i.layers[i.placed+first]
		}
		if i.layers[n] == nil {
			return fmt.Errorf("layer %d of image %s did not come: %w", n+1, short(i.img.ID), errdefs.ErrFailedPrecondition)
		}
	}
	i.s.c.layering.Lock()
	defer i.s.c.layering.Unlock()
	_, err := i.s.commit(ctx, []plan{{img: i.img, layers: i.layers, names: names, origin: &o}})
	return err
}

// Close removes whatever was not committed.
func (i *Ingest) Close(ctx context.Context) { i.s.drop(context.WithoutCancel(ctx)) }
