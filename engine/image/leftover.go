package image

import (
	"context"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
)

// leftovers are layers whose image is gone while a container stands on them or somebody sends them, by driver and
// chain ID. Who lets go of them last deletes them, and where an error or a crash comes between, the next Open does:
// nothing else would.
func leftovers() state.Table[struct{}] { return state.Table[struct{}]{Name: "leftover-layers"} }

// releaseLeftovers deletes those that nobody needs any more. What cannot be deleted now is tried again by the next
// Open.
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
