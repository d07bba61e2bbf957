package image

import (
	"context"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
)

// leftovers lists layers, by driver and chain ID, whose image was removed while a container or a transfer still
// needed them. The last user deletes them. If an error or a crash prevents that, the next Open does, since nothing
// else would.
func leftovers() state.Table[struct{}] { return state.Table[struct{}]{Name: "leftover-layers"} }

// releaseLeftovers deletes leftovers that nothing needs any more. The next Open retries those that cannot be deleted
// now.
func (c *Catalog) releaseLeftovers(ctx context.Context) error {
	driver := c.layers.Name() + "/"
	var tops []string
	err := c.db.View(func(tx *state.Tx) error {
		return leftovers().Walk(tx, func(key string, _ struct{}, _ error) error {
			if top, ok := strings.CutPrefix(key, driver); ok {
				tops = append(tops, top)
			}
			return nil
		})
	})
	if err != nil || len(tops) == 0 {
		return err
	}
	var done []string
	for _, top := range tops {
		_ = c.Release(ctx, digest.Digest(top))
		if _, err := c.layers.Stat(ctx, top); errdefs.IsNotFound(err) {
			done = append(done, top)
		}
	}
	if len(done) == 0 {
		return nil
	}
	return c.db.Update(func(tx *state.Tx) error {
		for _, top := range done {
			if err := leftovers().Delete(tx, driver+top); err != nil {
				return err
			}
		}
		return nil
	})
}
