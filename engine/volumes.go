package engine

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
	api "github.com/moby/moby/api/types/volume"

	"box/engine/filter"
	"box/engine/ident"
	"box/engine/refuse"
	"box/engine/state"
	"box/engine/volume"
)

// VolumeCreate creates a volume, or returns the existing one of that name. Without a name it generates one.
func (e *Engine) VolumeCreate(ctx context.Context, q api.CreateRequest) (*api.Volume, error) {
	if q.ClusterVolumeSpec != nil {
		return nil, noSwarm()
	}
	v, err := e.makeVolume(ctx, volume.Request{Name: q.Name, Driver: q.Driver, Labels: q.Labels, Options: q.DriverOpts})
	if err != nil {
		return nil, err
	}
	if err := e.db.Batch(func(tx *state.Tx) error { return e.volumes.Save(tx, v.Name) }); err != nil {
		e.volumes.Abandon(v.Name)
		return nil, err
	}
	e.volumes.Saved(v.Name)
	return e.describeVolume(&v), nil
}

func noSwarm() error {
	return refuse.Unavailable(`This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`)
}

// VolumeUpdate is for volumes of a swarm.
func (e *Engine) VolumeUpdate() error {
	return refuse.Unavailable("volume update only valid for cluster volumes, but swarm is unavailable")
}

// makeVolume finds or creates a volume. Its row is not saved yet.
func (e *Engine) makeVolume(ctx context.Context, q volume.Request) (volume.Volume, error) {
	if q.Name == "" {
		q.Name = ident.New()
		labels := map[string]string{volume.AnonymousLabel: ""}
		for k, v := range q.Labels {
			labels[k] = v
		}
		q.Labels = labels
	}
	v, made, err := e.volumes.Make(q)
	if made {
		e.publishVolume(ctx, v.Name, events.ActionCreate)
	}
	return v, err
}

func (e *Engine) publishVolume(ctx context.Context, name string, action events.Action) {
	e.bus.Publish(ctx, events.VolumeEventType, action, name, map[string]string{"driver": volume.Driver})
}

func (e *Engine) describeVolume(v *volume.Volume) *api.Volume {
	return &api.Volume{
		Name: v.Name, Driver: volume.Driver, Scope: "local", Mountpoint: e.volumes.Path(v.Name),
		CreatedAt: v.Created.Local().Format(time.RFC3339), Labels: v.Labels, Options: v.Options,
	}
}

// InspectVolume describes a volume.
func (e *Engine) InspectVolume(name string) (*api.Volume, error) {
	v, err := e.volumes.Get(name)
	if err != nil {
		return nil, err
	}
	return e.describeVolume(&v), nil
}

// Volumes lists the volumes that match f, by name.
func (e *Engine) Volumes(f filter.Args) ([]api.Volume, error) {
	if err := f.Check([]string{"dangling", "driver", "label", "name"}); err != nil {
		return nil, err
	}
	dangling, asked, err := f.Bool("dangling")
	if err != nil {
		return nil, err
	}
	out := []api.Volume{}
	for _, v := range e.volumes.List() {
		fits := f.Any("driver", func(d string) bool { return d == volume.Driver }) &&
			f.Any("name", func(n string) bool { return filter.Name(n, v.Name) }) &&
			f.Labels(v.Labels) && (!asked || dangling == (v.Holders == 0))
		if fits {
			out = append(out, *e.describeVolume(&v.Volume))
		}
	}
	return out, nil
}

// VolumeUsage lists the volumes on this host's disk with their sizes and how many containers hold them. Volumes with
// options are elsewhere.
func (e *Engine) VolumeUsage(ctx context.Context) ([]api.Volume, error) {
	out := []api.Volume{}
	for _, v := range e.volumes.List() {
		if len(v.Options) > 0 {
			continue
		}
		size, err := e.volumes.Size(ctx, v.Name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			size = -1
		}
		d := e.describeVolume(&v.Volume)
		d.UsageData = &api.UsageData{RefCount: int64(v.Holders), Size: size}
		out = append(out, *d)
	}
	return out, nil
}

// RemoveVolume deletes a volume that no container was created with. With force, it is no error if it does not exist.
func (e *Engine) RemoveVolume(ctx context.Context, name string, force bool) error {
	err := e.volumes.Remove(name)
	if force && errdefs.IsNotFound(err) {
		return nil
	}
	if err == nil {
		e.publishVolume(ctx, name, events.ActionDestroy)
	}
	return err
}
