package engine

import (
	"context"
	"os"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"

	"box/engine/lifecycle"
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
