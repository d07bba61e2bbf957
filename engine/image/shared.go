package image

import (
	"context"

	"github.com/opencontainers/go-digest"

	"box/fs"
)

// Shared returns, for each image, the bytes of its layers that other images have too.
func (c *Catalog) Shared(ctx context.Context) (map[digest.Digest]int64, error) {
	layers := map[string]fs.Info{}
	err := c.layers.Walk(ctx, func(i fs.Info) error { layers[i.Name] = i; return nil })
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	users := map[string]int{}
	for _, r := range c.rows {
		for name := r.Top.String(); name != ""; name = layers[name].Parent {
			users[name]++
		}
	}
	shared := map[digest.Digest]int64{}
	for id, r := range c.rows {
		shared[id] = 0
		for name := r.Top.String(); name != ""; name = layers[name].Parent {
			if users[name] > 1 {
				shared[id] += max(layers[name].Size, 0)
			}
		}
	}
	return shared, nil
}
