package engine

import (
	"context"
	"strings"

	"github.com/moby/moby/api/types/events"

	"box/engine/lifecycle"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/state"
)

// Rename gives a container another name.
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
		return refuse.Invalid("Error when allocating new name: Invalid container name (/%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name)
	}
	c.Lock()
	defer c.Unlock()
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
	e.publish(ctx, c, events.ActionRename, "oldName", "/"+old)
	return nil
}
