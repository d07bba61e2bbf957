package image

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
)

// pin keeps the layers of images, whoever removes the images, until the function that it returns is called.
func (c *Catalog) pin(images []*Image) (unpin func(context.Context) error) {
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
func (c *Catalog) pinHeld(chains []digest.Digest) (unpin func(context.Context) error) {
	for _, chain := range chains {
		c.pins[chain]++
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, chain := range chains {
			errs = append(errs, c.unpin(ctx, chain))
		}
		return errors.Join(errs...)
	}
}

// unpin deletes layers that nobody else needs any more.
func (c *Catalog) unpin(ctx context.Context, chain digest.Digest) error {
	c.layering.Lock()
	c.pins[chain]--
	last := c.pins[chain] <= 0
	if last {
		delete(c.pins, chain)
	}
	c.layering.Unlock()
	if !last {
		return nil
	}
	return c.Release(ctx, chain)
}

// pinned adds the layers that are pinned to tops; c.layering is held.
func (c *Catalog) pinned(tops map[string]bool) {
	for top := range c.pins {
		tops[top.String()] = true
	}
}
