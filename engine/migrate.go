package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/moby/moby/api/types/container"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/migrate"
	"box/engine/progress"
	"box/engine/refuse"
	"box/engine/rootfs"
	"box/engine/state"
	"box/fs/layers"
	"box/panics"
)

// Migration says what Migrate moves.
type Migration struct {
	From    string   // the storage driver that has it
	To      string   // the one of this daemon; "" means that
	Keep    bool     // leave the images and layers of From
	Options []string // storage options of From
}

// Migrate moves the images and containers of another storage driver of the data root to this daemon's. It may be cut
// off at any time, and goes on where it was when it is called again.
func (e *Engine) Migrate(ctx context.Context, q Migration, tell func(progress.Line) error) error {
	if !e.migrating.TryLock() {
		return refuse.Conflict("a migration is under way already")
	}
	defer e.migrating.Unlock()
	if err := e.checkMigration(&q); err != nil {
		return err
	}
	if err := e.leaveRunning(q.From); err != nil {
		return err
	}
	from, err := e.o.OtherLayers(ctx, e.db, q.From, q.Options)
	if err != nil {
		return err
	}
	m := &migrate.Move{DB: e.db, From: from, To: e.layers, Images: e.images, FromRoots: rootfs.New(from, e.log),
		Roots: e.roots, IDs: e.o.IDs, Disk: e.o.Disk, Keep: q.Keep, Tell: tell, Free: e.nameIsFree, Take: e.takeForeign}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()
	done := make(chan error, 1)
	e.background(func() { done <- panics.Call(func() error { return m.Run(ctx) }) }) // Close waits for it
	err = <-done
	return errors.Join(err, from.Close(), e.offerMigration())
}

// checkMigration completes a migration, and refuses one that this daemon cannot do.
func (e *Engine) checkMigration(q *Migration) error {
	own := e.layers.Name()
	switch {
	case q.From == "":
		return refuse.Invalid("the storage driver to move from is not given")
	case q.To != "" && q.To != own:
		return refuse.Invalid("this daemon uses %s: start it with --storage-driver %s first, which shows nothing of %s "+
			"until that is moved", own, q.To, q.From)
	case q.From == own:
		return refuse.Invalid("%s is the storage driver that is used: start the daemon with another one, and move to that",
			own)
	case e.o.OtherLayers == nil:
		return refuse.Invalid("this engine has one storage driver only")
	}
	used, err := e.drivers()
	if err == nil && !slices.Contains(used, q.From) {
		err = refuse.NotFound("storage driver %s has nothing in %s", q.From, e.o.Root)
	}
	return err
}

// drivers lists the storage drivers that have something in the data root.
func (e *Engine) drivers() ([]string, error) {
	used, err := layers.Drivers(e.db.Layers())
	if err != nil {
		return nil, err
	}
	emptied, err := migrate.Unfinished(e.db)
	for _, name := range emptied {
		if !slices.Contains(used, name) {
			used = append(used, name)
		}
	}
	return used, err
}

// leaveRunning refuses a migration while containers of the driver run, and hides those that do not.
func (e *Engine) leaveRunning(driver string) error {
	var running []string
	for _, c := range e.all() {
		rec := c.Record()
		if rec.Driver != driver {
			continue
		}
		c.Lock()
		if st := c.Status(); st.Running() || st.State == api.StateRestarting {
			running = append(running, rec.Name)
		} else {
			e.mu.Lock()
			e.hide(&rec)
			e.mu.Unlock()
		}
		c.Unlock()
	}
	if len(running) == 0 {
		return nil
	}
	slices.Sort(running)
	return refuse.Conflict("containers of %s are running: %s: stop them first", driver, strings.Join(running, ", "))
}

// foreign tells whether a container's layers are in another storage driver.
func (e *Engine) foreign(rec *lifecycle.Record) bool {
	return rec.Driver != "" && rec.Driver != e.layers.Name()
}

// here refuses a container whose layers are in another storage driver: one that ran when the daemon was started.
func (e *Engine) here(c *lifecycle.Container) error {
	rec := c.Record()
	if !e.foreign(&rec) {
		return nil
	}
	return refuse.Conflict("container %s is of the storage driver %s, and %s is used: stop it, and move it with docker "+
		"system migrate --from %s, or start the daemon with that driver", ident.Short(rec.ID), rec.Driver, e.layers.Name(),
		rec.Driver)
}

// known tells whether there is a container, here or in another storage driver.
func (e *Engine) known(id string) bool { return e.containers[id] != nil || e.elsewhere[id] != "" }

// hideForeign hides the containers of other storage drivers, as Docker does. Those that run stay until they are
// stopped.
func (e *Engine) hideForeign() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		rec, st, _ := c.See()
		if e.foreign(&rec) && !st.Running() {
			e.hide(&rec)
		}
	}
}

// hide hides a container; e.mu is held. Its folder, its status and its volumes stay.
func (e *Engine) hide(rec *lifecycle.Record) {
	delete(e.containers, rec.ID)
	if e.names[rec.Name] == rec.ID {
		delete(e.names, rec.Name)
	}
	e.elsewhere[rec.ID] = rec.Driver
}

// nameIsFree returns refuse.Conflict if a container has the name.
func (e *Engine) nameIsFree(name string) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if id, used := e.names[name]; used {
		return refuse.Conflict("the container name %q is in use by container %s too: remove or rename that first", "/"+name,
			id)
	}
	return nil
}

// takeForeign writes containers that are moved here, and shows them.
func (e *Engine) takeForeign(list []lifecycle.Record, write func(*state.Tx) error) error {
	for n := range list {
		if err := e.reserveName(&list[n]); err != nil {
			e.releaseNames(list[:n])
			return err
		}
	}
	if err := e.db.Update(write); err != nil {
		e.releaseNames(list)
		return err
	}
	statuses := e.statusesOf(list)
	for n := range list {
		rec := list[n]
		e.writeBeside(&rec)
		if err := e.writeMountID(&rec); err != nil {
			e.log.Warn("write the layer of a container", "container", rec.ID, "error", err)
		}
		c := e.newContainer(rec, e.saver.Newest(rec.ID, statuses[rec.ID]))
		e.lookForDamage(c)
		e.mu.Lock()
		e.containers[rec.ID] = c
		old := e.elsewhere[rec.ID]
		delete(e.elsewhere, rec.ID)
		e.mu.Unlock()
		_ = e.o.Disk.RemoveAll(e.mountIDPath(old, rec.ID)) // of no harm
	}
	return nil
}

func (e *Engine) releaseNames(list []lifecycle.Record) {
	for _, rec := range list {
		e.releaseName(rec.Name)
	}
}

// statusesOf returns the saved statuses of containers.
func (e *Engine) statusesOf(list []lifecycle.Record) map[string]lifecycle.Status {
	all := map[string]lifecycle.Status{}
	_ = e.db.View(func(tx *state.Tx) error {
		for _, rec := range list {
			st, err := lifecycle.Statuses.Get(tx, rec.ID)
			if err != nil {
				st = lifecycle.Status{State: api.StateExited, ExitCode: codeLost}
			}
			all[rec.ID] = st
		}
		return nil
	})
	return all
}

// offerMigration looks for what other storage drivers have, for info, and says it in the log.
func (e *Engine) offerMigration() error {
	used, err := e.drivers()
	if err != nil {
		return err
	}
	own := e.layers.Name()
	var offers []string
	for _, driver := range used {
		if driver == own {
			continue
		}
		images, _ := e.images.Foreign(driver)
		containers := 0
		e.mu.RLock()
		for _, of := range e.elsewhere {
			if of == driver {
				containers++
			}
		}
		e.mu.RUnlock()
		text := fmt.Sprintf("storage driver %s has layers here (images: %d, containers: %d) that %s does not show: "+
			"docker system migrate --from %s --to %s moves them", driver, len(images), containers, own, driver, own)
		offers = append(offers, text)
		e.log.Warn(text)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.offers = offers
	return nil
}

// offered returns the warnings about other storage drivers.
func (e *Engine) offered() (warnings []string) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, text := range e.offers {
		warnings = append(warnings, "WARNING: "+text)
	}
	return warnings
}
