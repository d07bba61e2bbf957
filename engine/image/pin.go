package image

import (
	"context"

	"github.com/opencontainers/go-digest"
)

// pin keeps the layers of images, even if the images are removed, until unpin is called. The next Open deletes what
// unpin cannot.
func (c *Catalog) pin(images []*Image) (unpin func(context.Context)) {
	c.layering.Lock()
	defer c.layering.Unlock()
	var tops []digest.Digest
	for _, img := range images {
		if top := img.ChainID(); top != "" {
			tops = append(tops, top)
		}
	}
	return c.pinHeld(tops)
}

// pinHeld is pin for layers and those below them; c.layering is held.
func (c *Catalog) pinHeld(chains []digest.Digest) (unpin func(context.Context)) {
	for _, chain := range chains {
		c.pins[chain]++
	}
	return func(ctx context.Context) {
		for _, chain := range chains {
			c.unpin(ctx, chain)
		}
	}
}

// unpin drops one pin, and deletes the layers that nothing else needs.
func (c *Catalog) unpin(ctx context.Context, chain digest.Digest) {
	c.layering.Lock()
	c.pins[chain]--
	last := c.pins[chain] <= 0
	if last {
		delete(c.pins, chain)
	}
	c.layering.Unlock()
	if last {
		_ = c.Release(ctx, chain)
	}
}
