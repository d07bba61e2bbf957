package engine

import (
	"context"
	"strconv"

	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/filter"
	"box/engine/refuse"
)

// containerPruneFilters are the keys that PruneContainers knows.
var containerPruneFilters = []string{"label", "label!", "until"}

// PruneContainers removes the containers that do not run and that the filters fit. One that cannot be removed is passed over.
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
		usage, err := e.layers.Usage(ctx, rec.ID)
		if err != nil {
			e.log.Debug("size of a container", "container", short(rec.ID), "error", err)
		}
		if err := e.Remove(ctx, rec.ID, RemoveOptions{}); err != nil {
			e.log.Warn("prune container", "container", short(rec.ID), "error", err)
			continue
		}
		report.ContainersDeleted = append(report.ContainersDeleted, rec.ID)
		report.SpaceReclaimed += uint64(max(usage.Bytes, 0))
	}
	e.bus.Publish(ctx, events.ContainerEventType, events.ActionPrune, "", map[string]string{"reclaimed": strconv.FormatUint(report.SpaceReclaimed, 10)})
	return report, nil
}
