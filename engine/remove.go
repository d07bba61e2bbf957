package engine

import (
	"context"
	"errors"

	"github.com/containerd/errdefs"
	api "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/recovery"
	"box/engine/refuse"
	"box/engine/state"
	"box/engine/volume"
	"box/fs"
)

// RemoveOptions are the options of `docker rm`.
type RemoveOptions struct {
	Force   bool // kill it first when it runs
	Volumes bool // its anonymous volumes too
}

// Remove deletes a container. When it returns, the removal survives a crash.
func (e *Engine) Remove(ctx context.Context, ref string, o RemoveOptions) (err error) {
	defer e.actions.Time("container", "delete", &err)()
	c, err := e.container(ref)
	if err != nil {
		return err
	}
	if err := e.here(c); err != nil {
		return err
	}
	st, _ := c.Now()
	if st.Running() || st.State == api.StateRestarting {
		if !o.Force {
			return runningRefusal(c, st)
		}
		if err := e.killForRemoval(ctx, c); err != nil {
			return err
		}
	}
	c.Lock()
	defer c.Unlock()
	if c.Gone() {
		return nil // by --rm, while we waited
	}
	if st, _ := c.Now(); st.Running() {
		return runningRefusal(c, st)
	}
	return e.remove(context.WithoutCancel(ctx), c, o.Volumes)
}

func runningRefusal(c *lifecycle.Container, st lifecycle.Status) error {
	rec := c.Record()
	hint := "stop the container before removing or force remove"
	if st.State == api.StatePaused {
		hint = "unpause and then " + hint
	}
	return refuse.Conflict("cannot remove container %q: container is %s: %s", "/"+rec.Name, st.State, hint)
}

func (e *Engine) killForRemoval(ctx context.Context, c *lifecycle.Container) error {
	err := e.Kill(ctx, c.ID(), "")
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		if st, _ := c.Now(); !st.Running() {
			return nil // it ended just now
		}
	}
	return err
}

// remove deletes a container that is not running. c.op is held. The record goes first, so a crash leaves orphans that
// Open sweeps.
func (e *Engine) remove(ctx context.Context, c *lifecycle.Container, volumes bool) error {
	if c.Gone() {
		return nil
	}
	if err := e.here(c); err != nil { // by --rm
		return err
	}
	c.CancelRestart()
	before, _ := c.Now()
	if err := c.To(api.StateRemoving, nil); err != nil {
		return err
	}
	rec := c.Record()
	images := e.imageLayers(ctx, rec.ID)
	layers := layerNames(rec.ID, images)
	var going []*volume.Removal
	var err error
	if volumes {
		going, err = e.anonymousVolumes(&rec)
	}
	if err == nil {
		err = e.dropRows(rec.ID, layers, going)
	}
	e.endVolumes(ctx, going, err)
	if err != nil { // nothing of it is gone
		c.Change(func(s *lifecycle.Status) {
			if s.State = before.State; s.State == api.StateRestarting {
				s.State = api.StateExited // its timer was stopped
			}
		})
		return err
	}
	recovery.DropRecord(e.o.Disk, e.dir(rec.ID))
	e.volumes.Release(rec.ID)
	e.roots.DropAll(&rec)
	e.dropContainer(ctx, c, rec.Name)
	e.background(func() { e.deleteFiles(ctx, &rec, layers, images) })
	return nil
}

// dropRows deletes the rows of a container, its layers and its volumes.
func (e *Engine) dropRows(id string, layers []string, volumes []*volume.Removal) error {
	return e.db.Batch(func(tx *state.Tx) error {
		err := errors.Join(
			lifecycle.Records.Delete(tx, id),
			lifecycle.Statuses.Delete(tx, id),
			e.layers.Forget(tx.Layers(), layers...),
		)
		for _, v := range volumes {
			err = errors.Join(err, v.Forget(tx))
		}
		return err
	})
}

// anonymousVolumes starts to remove the anonymous volumes of a container, except those that other containers hold.
func (e *Engine) anonymousVolumes(rec *lifecycle.Record) (going []*volume.Removal, err error) {
	for _, m := range rec.Mounts {
		if !m.Anonymous() {
			continue
		}
		v, err := e.volumes.Removal(m.Name, rec.ID)
		switch {
		case err == nil:
			going = append(going, v)
		case !errdefs.IsConflict(err) && !errdefs.IsNotFound(err):
			return going, err
		}
	}
	return going, nil
}

// endVolumes completes removals, or undoes them if err is not nil.
func (e *Engine) endVolumes(ctx context.Context, going []*volume.Removal, err error) {
	for _, v := range going {
		if v.End(err) == nil {
			e.publishVolume(ctx, v.Name(), events.ActionDestroy)
		}
	}
}

// deleteFiles deletes the files of a removed container. Nobody waits for it, since the record is deleted.
func (e *Engine) deleteFiles(ctx context.Context, rec *lifecycle.Record, layers []string, images []fs.Info) {
	if err := e.unbuild(ctx, rec, layers); err != nil {
		e.log.Warn("files of a removed container", "container", ident.Short(rec.ID), "error", err)
	}
	if err := errors.Join(e.releaseLayers(ctx, rec), e.releaseImages(ctx, images)); err != nil {
		e.log.Warn("layers of a deleted image", "image", rec.Image, "error", err)
	}
}

// dropContainer removes a container from memory, publishes its removal, and wakes those who wait for it.
func (e *Engine) dropContainer(ctx context.Context, c *lifecycle.Container, name string) {
	e.mu.Lock()
	waiting, execs := c.Go()
	delete(e.containers, c.ID())
	if e.names[name] == c.ID() {
		delete(e.names, name)
	}
	for _, id := range execs {
		delete(e.execs, id)
	}
	e.mu.Unlock()
	e.saver.Drop(c.ID())
	e.publish(ctx, c, events.ActionDestroy)
	for _, w := range waiting {
		w.Close()
	}
	c.Farewell()
}
