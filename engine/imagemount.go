package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/moby/moby/api/types/mount"
	"github.com/opencontainers/go-digest"

	"box/engine/lifecycle"
	"box/fs"
)

// imageLayer is the name of the layer that the nth image mount of a container shows. It is the container's own and stands on the
// image's, which therefore stay, whoever removes the image.
func imageLayer(id string, n int) string { return id + "-image" + strconv.Itoa(n) }

// imageLayers are the layers of a container's image mounts, by the driver's table: it knows those of a damaged record too.
func (e *Engine) imageLayers(ctx context.Context, id string) (list []fs.Info) {
	for {
		info, err := e.layers.Stat(ctx, imageLayer(id, len(list)))
		if err != nil {
			return list
		}
		list = append(list, info)
	}
}

// layerNames are all layers of a container, of which those of image mounts were looked up, each before what it stands on.
func layerNames(id string, images []fs.Info) []string {
	names := []string{id, id + "-init"}
	for _, info := range images {
		names = append(names, info.Name)
	}
	return names
}

// buildImageMounts makes the layers of a new container's image mounts; their rows are written with the container's.
func (e *Engine) buildImageMounts(ctx context.Context, rec *lifecycle.Record) error {
	n := 0
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != mount.TypeImage {
			continue
		}
		img, err := e.imageFor(ctx, m.Spec.Source)
		if err != nil {
			return err
		}
		m.Layer = imageLayer(rec.ID, n)
		n++
		err = e.layers.Prepare(ctx, m.Layer, img.ChainID().String(), fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true, IDMaps: e.o.IDs})
		if err != nil {
			return fmt.Errorf("layer of image %s at %s: %w", m.Spec.Source, m.Destination, err)
		}
		m.Spec.Source = img.ID.String()
		if m.Source, _, err = e.layers.Mounts(ctx, m.Layer); err != nil {
			return err
		}
	}
	return nil
}

// releaseImages deletes the layers below those of image mounts that nobody needs any more.
func (e *Engine) releaseImages(ctx context.Context, gone []fs.Info) error {
	var errs error
	for _, info := range gone {
		if info.Parent != "" {
			errs = errors.Join(errs, e.images.Release(ctx, digest.Digest(info.Parent)))
		}
	}
	return errs
}
