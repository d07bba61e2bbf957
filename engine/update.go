package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/spec"
	"box/engine/state"
)

// Update changes the limits of a container, also while it runs, and its restart policy. What u leaves out is not
// changed. After an error nothing has changed.
func (e *Engine) Update(ctx context.Context, ref string, u api.UpdateConfig) (warnings []string, err error) {
	c, err := e.container(ref)
	if err != nil {
		return nil, err
	}
	if u.PidsLimit != nil && *u.PidsLimit <= 0 {
		u.PidsLimit = new(int64) // none, as each of these means
	}
	c.Lock()
	defer c.Unlock()
	rec := c.Record()
	if warnings, err = request.CheckUpdate(&u, &rec.Host.Resources, e.o.Limits); err != nil {
		return nil, err
	}
	st, _ := c.Now()
	if c.Gone() || c.Damaged() != "" || st.State == api.StateRemoving || st.State == api.StateDead {
		return nil, cannotUpdate(rec.ID, refuse.Conflict(`container is marked for removal and cannot be "update"`))
	}
	host := *rec.Host
	if err := request.Update(&host, &u); err != nil {
		return nil, cannotUpdate(rec.ID, err)
	}
	if st.Running() {
		if err := e.updateRunning(ctx, rec.ID, &u.Resources); err != nil {
			return nil, cannotUpdate(rec.ID, err)
		}
	}
	rec.Host = &host
	if err := e.db.Update(func(tx *state.Tx) error { return lifecycle.Records.Put(tx, rec.ID, rec) }); err != nil {
		if st.Running() {
			before := c.Record().Host.Resources
			err = errors.Join(err, e.updateRunning(context.WithoutCancel(ctx), rec.ID, &before))
		}
		return nil, err
	}
	e.writeBeside(&rec)
	c.Reconfigure(func(r *lifecycle.Record) { r.Host = rec.Host })
	if st.Running() {
		e.watchOOM(c, false) // there may be a limit now
	}
	e.publish(ctx, c, events.ActionUpdate)
	return warnings, nil
}

func (e *Engine) updateRunning(ctx context.Context, id string, r *api.Resources) error {
	s, err := spec.Resources(r)
	if err != nil {
		return err
	}
	err = e.o.Tasks.Task(id).Update(ctx, s)
	if errdefs.IsNotFound(err) {
		return nil // it has just ended: the next start takes the new limits
	}
	return err
}

// cannotUpdate adds to an error what failed, and keeps its class.
func cannotUpdate(id string, err error) error {
	text := fmt.Sprintf("Cannot update container %s: %v", id, err)
	if errdefs.IsConflict(err) {
		return refuse.Conflict("%s", text)
	}
	return refuse.Internal("%s", text)
}

// Rename changes the name of a container.
func (e *Engine) Rename(ctx context.Context, ref, name string) error {
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	name = strings.TrimPrefix(name, "/")
	if name == "" {
		return refuse.Invalid("Neither old nor new names may be empty")
	}
	if !request.ValidName(name) {
		return refuse.Invalid("Error when allocating new name: Invalid container name (/%s), only "+
			"[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	c.Lock()
	defer c.Unlock()
	if c.Gone() {
		return noSuchContainer(ref)
	}
	rec := c.Record()
	if rec.Name == name {
		return refuse.Invalid("Renaming a container with the same name as its current name")
	}
	old := rec.Name
	rec.Name = name
	if err := e.reserveName(&rec); err != nil {
		return refuse.Conflict("Error when allocating new name: %v", err)
	}
	if err := e.db.Update(func(tx *state.Tx) error { return lifecycle.Records.Put(tx, rec.ID, rec) }); err != nil {
		e.releaseName(name)
		return err
	}
	e.writeBeside(&rec)
	c.Reconfigure(func(r *lifecycle.Record) { r.Name = name })
	e.releaseName(old)
	e.renamed(ctx, c)
	e.publish(ctx, c, events.ActionRename, "oldName", "/"+old)
	return nil
}
