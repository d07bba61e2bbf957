package image

import (
	"context"
	"errors"
)

// pin keeps the layers of images, whoever removes the images, until the function that it returns is called.
func (c *Catalog) pin(images []*Image) (unpin func(context.Context) error) {
	c.layering.Lock()
	defer c.layering.Unlock()
	for _, img := range images {
		c.pins[img.ChainID()]++
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, img := range images {
			errs = append(errs, c.unpin(ctx, img))
		}
		return errors.Join(errs...)
	}
}

// unpin deletes the layers of an image that was removed meanwhile.
func (c *Catalog) unpin(ctx context.Context, img *Image) error {
	c.layering.Lock()
	top := img.ChainID()
	if c.pins[top]--; c.pins[top] > 0 {
		c.layering.Unlock()
		return nil
	}
	delete(c.pins, top)
	_, there := c.row(img.ID)
	c.layering.Unlock()
	if there || top == "" {
		return nil
	}
	return c.Release(ctx, top)
}

// pinned adds the layers that are pinned to tops; c.layering is held.
func (c *Catalog) pinned(tops map[string]bool) {
	for top := range c.pins {
		tops[top.String()] = true
	}
}
