package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	apivolume "github.com/moby/moby/api/types/volume"

	"box/engine/filter"
	"box/engine/ident"
	"box/engine/image"
	"box/engine/refuse"
	"box/engine/volume"
	"box/fs"
)

// containerPruneFilters are the filters of PruneContainers.
var containerPruneFilters = []string{"label", "label!", "until"}

// PruneContainers removes the stopped containers that match the filters. It skips those that cannot be removed.
func (e *Engine) PruneContainers(ctx context.Context, f filter.Args) (*api.PruneReport, error) {
	if !e.pruningContainers.TryLock() {
		return nil, refuse.Conflict("a prune operation is already running")
	}
	defer e.pruningContainers.Unlock()
	if err := f.Check(containerPruneFilters); err != nil {
		return nil, err
	}
	until, err := f.Until(e.o.Now())
	if err != nil {
		return nil, err
	}
	report := &api.PruneReport{}
	for _, c := range e.all() {
		if ctx.Err() != nil {
			break // what is done is told
		}
		rec := c.Record()
		st, _ := c.Now()
		if st.Running() || st.State == api.StateRestarting || !until.IsZero() && rec.Created.After(until) ||
			!f.Labels(rec.Config.Labels) {
			continue
		}
		usage, err := e.roots.Usage(ctx, rec.ID)
		if err != nil {
			e.log.Debug("size of a container", "container", ident.Short(rec.ID), "error", err)
		}
		if err := e.Remove(ctx, rec.ID, RemoveOptions{}); err != nil {
			e.log.Warn("prune container", "container", ident.Short(rec.ID), "error", err)
			continue
		}
		report.ContainersDeleted = append(report.ContainersDeleted, rec.ID)
		report.SpaceReclaimed += uint64(max(usage.Bytes, 0))
	}
	e.bus.Publish(ctx, events.ContainerEventType, events.ActionPrune, "",
		map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)})
	return report, nil
}

// imagePruneFilters are the filters of PruneImages.
var imagePruneFilters = []string{"dangling", "label", "label!", "until"}

// PruneImages deletes images that no container uses: those without a tag or, with the filter dangling=false, all.
func (e *Engine) PruneImages(ctx context.Context, f filter.Args) (*apiimage.PruneReport, error) {
	if !e.pruning.TryLock() {
		return nil, refuse.Conflict("a prune operation is already running")
	}
	defer e.pruning.Unlock()
	fits, err := e.pruneMatch(f)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	err = e.layers.Walk(ctx, func(i fs.Info) error { sizes[i.Name] = max(i.Size, 0); return nil })
	if err != nil {
		return nil, err
	}
	report := &apiimage.PruneReport{ImagesDeleted: []apiimage.DeleteResponse{}}
	for _, s := range e.images.List() {
		if ctx.Err() != nil {
			break // what is done is told
		}
		if !fits(s) {
			continue
		}
		done, err := e.pruneImage(ctx, s)
		if err != nil {
			return nil, err
		}
		report.ImagesDeleted = append(report.ImagesDeleted, done...)
	}
	for _, d := range report.ImagesDeleted {
		report.SpaceReclaimed += uint64(sizes[d.Deleted])
	}
	e.bus.Publish(ctx, events.ImageEventType, events.ActionPrune, "",
		map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)})
	return report, nil
}

// pruneMatch returns the test of the filters.
func (e *Engine) pruneMatch(f filter.Args) (func(image.Summary) bool, error) {
	if err := f.Check(imagePruneFilters); err != nil {
		return nil, err
	}
	until, err := f.Until(e.o.Now())
	if err != nil {
		return nil, err
	}
	all := false
	for _, v := range f["dangling"] {
		switch strings.ToLower(v) {
		case "0", "false":
			all = true
		case "1", "true":
		default:
			return nil, refuse.Invalid("invalid filter 'dangling=[%s]'", v)
		}
	}
	return func(s image.Summary) bool {
		if by, _ := e.userOf(s.ID.String()); by != "" {
			return false
		}
		return (all || dangling(s.Names)) && (until.IsZero() || !s.Created.After(until)) && f.Labels(s.Labels)
	}, nil
}

// pruneImage removes all names of an image and then the image. It keeps an image that a container uses by now.
func (e *Engine) pruneImage(ctx context.Context, s image.Summary) (done []apiimage.DeleteResponse, err error) {
	refs := slices.Clone(s.Names)
	if len(refs) == 0 {
		refs = []string{s.ID.String()}
	}
	for _, ref := range refs {
		more, err := e.RemoveImage(ctx, ref, false, nil)
		if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
			continue // used meanwhile; a name that went with another
		}
		if err != nil {
			return done, err
		}
		done = append(done, more...)
	}
	return done, nil
}

// PruneVolumes deletes volumes on this host's disk that no container was created with: those with generated names or,
// with the filter all=true, all.
func (e *Engine) PruneVolumes(ctx context.Context, f filter.Args) (*apivolume.PruneReport, error) {
	if err := f.Check([]string{"all", "label", "label!"}); err != nil {
		return nil, err
	}
	all, _, err := f.Bool("all")
	if err != nil {
		return nil, err
	}
	if !e.pruningVolumes.TryLock() {
		return nil, refuse.Conflict("a prune operation is already running")
	}
	defer e.pruningVolumes.Unlock()
	report := &apivolume.PruneReport{VolumesDeleted: []string{}}
	for _, v := range e.volumes.List() {
		_, anonymous := v.Labels[volume.AnonymousLabel]
		if v.Holders > 0 || len(v.Options) > 0 || !all && !anonymous || !f.Labels(v.Labels) {
			continue
		}
		size, _ := e.volumes.Size(ctx, v.Name)
		if ctx.Err() != nil {
			break
		}
		if err := e.RemoveVolume(ctx, v.Name, false); err != nil {
			e.log.Warn("prune volume", "volume", v.Name, "error", err)
			continue
		}
		report.VolumesDeleted = append(report.VolumesDeleted, v.Name)
		report.SpaceReclaimed += uint64(size)
	}
	e.bus.Publish(ctx, events.VolumeEventType, events.ActionPrune, "",
		map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)})
	return report, nil
}

// networkPruneFilters are the filters of PruneNetworks.
var networkPruneFilters = []string{"label", "label!", "until"}

// PruneNetworks removes the networks of users that no running container is on, and returns their names.
func (e *Engine) PruneNetworks(ctx context.Context, f filter.Args) (removed []string, err error) {
	if err := f.Check(networkPruneFilters); err != nil {
		return nil, err
	}
	until, err := f.Until(e.o.Now())
	if err != nil {
		return nil, err
	}
	if !e.pruningNetworks.TryLock() {
		return nil, refuse.Conflict("a prune operation is already running")
	}
	defer e.pruningNetworks.Unlock()
	for _, n := range e.nets.List() {
		if ctx.Err() != nil {
			break // what is done is told
		}
		if n.Predefined() || n.ConfigOnly || e.nets.Used(n.ID) || !until.IsZero() && n.Created.After(until) ||
			!f.Labels(n.Labels) {
			continue
		}
		if err := e.RemoveNetwork(ctx, n.ID); err != nil {
			e.log.Warn("prune network", "network", n.Name, "error", err)
			continue
		}
		removed = append(removed, n.Name)
	}
	e.bus.Publish(ctx, events.NetworkEventType, events.ActionPrune, "", map[string]string{"reclaimed": "0"})
	return removed, nil
}

// buildPruneFilters are the filters of PruneBuilds.
var buildPruneFilters = []string{"description", "id", "inuse", "label", "label!", "parent", "private", "shared", "type",
	"until", "unused-for"}

// PruneBuilds removes the build cache, which does not exist yet.
func (e *Engine) PruneBuilds(ctx context.Context, f filter.Args) ([]string, error) {
	if err := f.Check(buildPruneFilters); err != nil {
		return nil, err
	}
	e.bus.Publish(ctx, events.BuilderEventType, events.ActionPrune, "", map[string]string{"reclaimed": "0"})
	return nil, nil
}
