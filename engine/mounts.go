package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"golang.org/x/sys/unix"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/volume"
)

// shown are the mounts for the API.
func shown(list []request.Mount) []api.MountPoint {
	out := make([]api.MountPoint, 0, len(list))
	for _, m := range list {
		out = append(out, m.MountPoint)
	}
	return out
}

// exists tells whether a path is there on the host.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// holdVolumes makes or finds the volumes of a container that is created, and notes which they are.
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

// fillVolumes gives the empty ones among a new container's volumes what the image has at their places. root is the open root of the
// image at path; links in it lead nowhere else.
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
	fd, err := unix.Openat2(root, "."+filepath.Clean("/"+m.Destination), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
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
