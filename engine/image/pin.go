package image

import (
	"context"

	"github.com/opencontainers/go-digest"
)

// pin keeps the layers of images, whoever removes the images, until the function that it returns is called. What that
// cannot delete is left to the next Open.
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

// pinHeld is pin for layers with what is below them; c.layering is held.
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

// unpin deletes layers that nobody else needs any more.
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
