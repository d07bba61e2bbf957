package engine

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/moby/moby/api/types/events"

	"box/engine/lifecycle"
	"box/engine/refuse"
)

// container returns a container by ID, name, or unique prefix of the ID.
func (e *Engine) container(ref string) (*lifecycle.Container, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if ref == "" {
		return nil, refuse.Invalid("invalid name or ID supplied: %q", ref)
	}
	if c := e.containers[ref]; c != nil {
		return c, nil
	}
	// A name is taken before its container is there.
	if c := e.containers[e.names[strings.TrimPrefix(ref, "/")]]; c != nil {
		return c, nil
	}
	if c := e.linkedAs(strings.TrimPrefix(ref, "/")); c != nil {
		return c, nil
	}
	var found *lifecycle.Container
	for id, c := range e.containers {
		if strings.HasPrefix(id, ref) {
			if found != nil {
				return nil, refuse.Invalid("multiple IDs found with provided prefix: %s", ref)
			}
			found = c
		}
	}
	if found == nil {
		return nil, noSuchContainer(ref)
	}
	return found, nil
}

func noSuchContainer(ref string) error { return refuse.NotFound("No such container: %s", ref) }

// all returns all containers in no particular order.
func (e *Engine) all() []*lifecycle.Container {
	e.mu.RLock()
	defer e.mu.RUnlock()
	list := make([]*lifecycle.Container, 0, len(e.containers))
	for _, c := range e.containers {
		list = append(list, c)
	}
	return list
}

// publish publishes an event of c; more are pairs of attributes.
func (e *Engine) publish(ctx context.Context, c *lifecycle.Container, action events.Action, more ...string) {
	rec := c.Record()
	e.bus.Publish(ctx, events.ContainerEventType, action, rec.ID, rec.Attributes(more...))
}

// newContainer makes a container whose status the engine saves.
func (e *Engine) newContainer(rec lifecycle.Record, st lifecycle.Status) *lifecycle.Container {
	return lifecycle.New(rec, st, e.saver.Save)
}

// dir returns the container's folder in the data root.
func (e *Engine) dir(id string) string { return filepath.Join(e.o.Root, "containers", id) }
