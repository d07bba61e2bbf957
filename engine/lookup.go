package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/events"
)

// classed is an error whose text is Docker's, word for word, and whose class tells the status of the reply.
type classed struct {
	class error
	text  string
}

func (e *classed) Error() string { return e.text }
func (e *classed) Unwrap() error { return e.class }

func notFound(format string, args ...any) error {
	return &classed{errdefs.ErrNotFound, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &classed{errdefs.ErrConflict, fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &classed{errdefs.ErrInvalidArgument, fmt.Sprintf(format, args...)}
}

// errNotModified says that a container is already as a request wants it.
func notModified(format string, args ...any) error {
	return &classed{ErrNotModified, fmt.Sprintf(format, args...)}
}

// ErrNotModified is the class of errors that say that there was nothing to do.
var ErrNotModified = fmt.Errorf("not modified: %w", errdefs.ErrAlreadyExists)

// container finds one by full ID, name, or a prefix of the ID that only one has.
func (e *Engine) container(ref string) (*container, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if ref == "" {
		return nil, invalid("no container name or ID supplied")
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
	var found *container
	for id, c := range e.containers {
		if strings.HasPrefix(id, ref) {
			if found != nil {
				return nil, invalid("multiple IDs found with provided prefix: %s", ref)
			}
			found = c
		}
	}
	if found == nil {
		return nil, notFound("No such container: %s", ref)
	}
	return found, nil
}

// all is every container, in no order.
func (e *Engine) all() []*container {
	e.mu.RLock()
	defer e.mu.RUnlock()
	list := make([]*container, 0, len(e.containers))
	for _, c := range e.containers {
		list = append(list, c)
	}
	return list
}

// publish sends an event of c; more are pairs of attributes.
func (e *Engine) publish(ctx context.Context, c *container, action events.Action, more ...string) {
	rec := c.snapshot()
	e.bus.Publish(ctx, events.ContainerEventType, action, rec.ID, rec.attributes(more...))
}
