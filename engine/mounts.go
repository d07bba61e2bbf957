package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/volume"
	"box/fs"
	"box/fs/inroot"
)

// shown converts mounts for the API.
func shown(list []request.Mount) []api.MountPoint {
	out := make([]api.MountPoint, 0, len(list))
	for _, m := range list {
		out = append(out, m.MountPoint)
	}
	return out
}

// exists tells whether a path exists on the host.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// holdVolumes finds or creates the volumes of a new container, and records which they are.
func (e *Engine) holdVolumes(ctx context.Context, rec *lifecycle.Record) error {
	for i := range rec.Mounts {
		m := &rec.Mounts[i]
		if m.Type != mount.TypeVolume {
			continue
		}
		v, err := e.holdVolume(ctx, rec.ID, m)
		if err != nil {
			return err
		}
		m.Name, m.Driver, m.Source = v.Name, volume.Driver, e.volumes.Path(v.Name)
	}
	return nil
}

func (e *Engine) holdVolume(ctx context.Context, container string, m *request.Mount) (volume.Volume, error) {
	if m.Source != "" { // from another container
		return e.volumes.Hold(m.Name, container)
	}
	q := volume.Request{Name: m.Name, Driver: m.Driver, Holder: container}
	if o := m.Spec.VolumeOptions; o != nil {
		q.Labels = o.Labels
		if o.DriverConfig != nil {
			q.Options = o.DriverConfig.Options
		}
	}
	return e.makeVolume(ctx, q)
}

// fillVolumes fills the empty volumes of a new container with what the image has at their targets. root is the open
// root of the image at path. Links in it do not lead out of it.
func (e *Engine) fillVolumes(ctx context.Context, root int, path string, rec *lifecycle.Record) error {
	for _, m := range rec.Mounts {
		if m.Type != mount.TypeVolume || !m.CopyUp {
			continue
		}
		if err := e.fillVolume(ctx, root, path, rec.ID, &m); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) fillVolume(ctx context.Context, root int, path, container string, m *request.Mount) error {
	fd, err := inroot.Open(root, filepath.Clean("/"+m.Destination), unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s in the image: %w", m.Destination, err)
	}
	defer unix.Close(fd)
	subpath := request.Subpath(&m.Spec)
	readable, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOTDIR) {
		if subpath != "" {
			return nil // a file of a volume may be mounted over it
		}
		at := filepath.Join(path, m.Destination)
		if m.Spec.Target == "" { // a volume of the image's
			return fmt.Errorf("cannot mount volume over existing file, file exists %s", at)
		}
		return refuse.Invalid("source %s is not directory", at)
	}
	if err != nil {
		return fmt.Errorf("%s in the image: %w", m.Destination, err)
	}
	src := os.NewFile(uintptr(readable), m.Destination)
	defer src.Close()
	if err := e.volumes.Fill(ctx, m.Name, container, subpath, src); err != nil {
		return fmt.Errorf("failed to populate volume: %w", err)
	}
	return nil
}

// imageLayer is the name of the layer for the nth image mount of a container. The layer belongs to the container and
// has the image's layers as parents, so these stay even if the image is removed.
func imageLayer(id string, n int) string { return id + "-image" + strconv.Itoa(n) }

// imageLayers returns the layers of a container's image mounts from the driver's table, which also has those of a
// damaged record.
func (e *Engine) imageLayers(ctx context.Context, id string) (list []fs.Info) {
	for {
		info, err := e.layers.Stat(ctx, imageLayer(id, len(list)))
		if err != nil {
			return list
		}
		list = append(list, info)
	}
}

// layerNames returns all layers of a container, children first. images are those of image mounts.
func layerNames(id string, images []fs.Info) []string {
	names := []string{id, id + "-init"}
	for _, info := range images {
		names = append(names, info.Name)
	}
	return names
}

// buildImageMounts makes the layers of a new container's image mounts. Their rows are written together with the
// container's.
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
		err = e.layers.Prepare(ctx, m.Layer, img.ChainID().String(),
			fs.PrepareOptions{Purpose: fs.ForContainer, Deferred: true, IDMaps: e.o.IDs})
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

// releaseImages deletes layers below those of image mounts that are not used any more.
func (e *Engine) releaseImages(ctx context.Context, gone []fs.Info) error {
	var errs error
	for _, info := range gone {
		if info.Parent != "" {
			errs = errors.Join(errs, e.images.Release(ctx, digest.Digest(info.Parent)))
		}
	}
	return errs
}
