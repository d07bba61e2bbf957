package engine

import (
	"context"

	api "github.com/moby/moby/api/types/container"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/moby/moby/api/types/volume"

	"box/fs"
	"box/fs/diskspace"
)

// DiskUsage is what takes space. What was not asked for is nil.
type DiskUsage struct {
	Layers     int64 // bytes of file content of all layers of images, each once
	Images     []apiimage.Summary
	Containers []api.Summary
	Volumes    []volume.Volume
}

// DiskUsageOf says which kinds are to be measured.
type DiskUsageOf struct{ Images, Containers, Volumes bool }

// DiskUsage measures what takes space.
func (e *Engine) DiskUsage(ctx context.Context, of DiskUsageOf) (u DiskUsage, err error) {
	if of.Images {
		if u.Images, u.Layers, err = e.imageUsage(ctx); err != nil {
			return u, err
		}
	}
	if of.Containers {
		if u.Containers, err = e.List(ctx, ListOptions{All: true, Size: true}); err != nil {
			return u, err
		}
	}
	if of.Volumes {
		if u.Volumes, err = e.VolumeUsage(ctx); err != nil {
			return u, err
		}
	}
	return u, ctx.Err()
}

// imageUsage describes images with what they share and how many containers use each.
func (e *Engine) imageUsage(ctx context.Context) ([]apiimage.Summary, int64, error) {
	list, err := e.Images(ctx, ImageList{SharedSize: true, Containers: true})
	if err != nil {
		return nil, 0, err
	}
	var layers int64
	err = e.layers.Walk(ctx, func(i fs.Info) error {
		if i.State == fs.Committed {
			layers += max(i.Size, 0)
		}
		return nil
	})
	return list, layers, err
}

// Explain says of the error of a full disk which one it is and what to do. It is asked for every error that leaves the engine; all others stay.
func (e *Engine) Explain(err error) error { return diskspace.Explain(err, e.o.Root, e.o.Run) }
