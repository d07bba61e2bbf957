package image

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/reference"
)

// Outgo is an image that is being sent. Its layers stay until Close, even if the image is removed.
type Outgo struct {
	*Image
	c     *Catalog
	unpin func(context.Context)
}

// Outgo begins to send an image.
func (c *Catalog) Outgo(id digest.Digest) (*Outgo, error) {
	img, err := c.open(id)
	if err != nil {
		return nil, err
	}
	return &Outgo{img, c, c.pin([]*Image{img})}, nil
}

// Size returns the bytes of file content in layer n, 0 if unknown.
func (o *Outgo) Size(ctx context.Context, n int) int64 {
	info, err := o.c.layers.Stat(ctx, o.ChainIDs()[n].String())
	if err != nil {
		return 0
	}
	return max(info.Size, 0)
}

// Layer writes the exact tar that layer n was made from.
func (o *Outgo) Layer(ctx context.Context, n int, w io.Writer) error {
	diff := o.Config.RootFS.DiffIDs[n]
	return o.c.tar(ctx, o.ChainIDs()[n].String(), w, func(d digest.Digest) bool { return d == diff })
}

// Close releases the layers.
func (o *Outgo) Close(ctx context.Context) { o.unpin(context.WithoutCancel(ctx)) }

// tar writes a layer's tar, and returns ErrDataLoss if its digest is not right.
func (c *Catalog) tar(ctx context.Context, layer string, w io.Writer, right func(digest.Digest) bool) error {
	sum := digest.SHA256.Digester()
	out := writeFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		sum.Hash().Write(p)
		return w.Write(p)
	})
	if err := c.layers.Tar(ctx, layer, out); err != nil {
		return err
	}
	if !right(sum.Digest()) {
		return fmt.Errorf("layer %s on the disk is not what it was: %w", layer, errdefs.ErrDataLoss)
	}
	return nil
}

// writeFunc makes an io.Writer of a function.
type writeFunc func(p []byte) (int, error)

func (f writeFunc) Write(p []byte) (int, error) { return f(p) }

// Tags lists the tags of a repository, sorted, with their images.
func (c *Catalog) Tags(repository reference.Named) (tags []reference.Named, ids []digest.Digest) {
	for _, t := range c.tagsOf(repository.Name()) {
		id, ok := c.named(t.String())
		if ok {
			tags, ids = append(tags, t), append(ids, id)
		}
	}
	return tags, ids
}
