package engine

import (
	"context"

	"github.com/moby/moby/api/types/events"

	"box/engine/filter"
)

// networkPruneFilters are the keys that PruneNetworks knows.
var networkPruneFilters = []string{"label", "label!", "until"}

// PruneNetworks removes the networks of users that no container is on. Those that every daemon has stay, and others cannot be made yet,
// so none goes; what is asked for is checked, and told of, all the same.
func (e *Engine) PruneNetworks(ctx context.Context, f filter.Args) ([]string, error) {
	if err := f.Check(networkPruneFilters); err != nil {
		return nil, err
	}
	if _, err := f.Until(e.o.Now()); err != nil {
		return nil, err
	}
	e.bus.Publish(ctx, events.NetworkEventType, events.ActionPrune, "", map[string]string{"reclaimed": "0"})
	return nil, nil
}

// buildPruneFilters are the keys that PruneBuilds knows.
var buildPruneFilters = []string{"description", "id", "inuse", "label", "label!", "parent", "private", "shared", "type", "until", "unused-for"}

// PruneBuilds drops what builds keep, which is nothing yet.
func (e *Engine) PruneBuilds(ctx context.Context, f filter.Args) ([]string, error) {
	if err := f.Check(buildPruneFilters); err != nil {
		return nil, err
	}
	e.bus.Publish(ctx, events.BuilderEventType, events.ActionPrune, "", map[string]string{"reclaimed": "0"})
	return nil, nil
}
