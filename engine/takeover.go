package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	api "github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"

	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/recovery"
	"box/engine/refuse"
	"box/engine/request"
	"box/engine/state"
	"box/engine/task"
	"box/fs"
)

// Exit codes of containers whose end nobody saw.
const (
	codeKilled = 137 // the keeper was gone: what was left of it was killed
	codeLost   = 255 // the machine went down
)

// watchPause is the pause between attempts to start a lost keeper again.
const watchPause = 100 * time.Millisecond

// recover takes over what an earlier daemon left: running containers are adopted, others are marked as stopped,
// leftovers of a crash are swept, and containers are started as their restart policies say.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.readContainers(); err != nil {
		return err
	}
	e.remakeRoots(ctx)
	e.publishStartup()
	alive, err := e.o.Tasks.Find(ctx)
	if err != nil {
		return err
	}
	e.reconcile(alive)
	e.sweepGroups(alive)
	e.restoreMounts()
	e.hideForeign()
	if err := e.restoreNetworks(ctx); err != nil {
		return err
	}
	e.sweep(ctx)
	e.background(func() { e.saver.Run(e.stopped.Done()) })
	e.background(e.watchTasks)
	e.background(func() { e.copies.Run(e.stopped, func(err error) { e.log.Error("copy the state", "error", err) }) })
	e.background(e.completeRecords)
	e.publishNotes()
	e.resumeHealth()
	e.resumeOOM()
	e.startWanted()
	return e.offerMigration()
}

// readContainers reads all containers. One whose record cannot be read is shown as dead and can be removed.
func (e *Engine) readContainers() error {
	return e.db.View(func(tx *state.Tx) error {
		return lifecycle.Records.Walk(tx, func(id string, rec lifecycle.Record, bad error) error {
			if bad == nil && (rec.Config == nil || rec.Host == nil || rec.ID != id) {
				bad = fmt.Errorf("record of container %s has no configuration", id)
			}
			if bad != nil {
				e.log.Error("damaged container", "container", id, "error", bad)
				rec = lifecycle.Record{ID: id, Name: "damaged_" + ident.Short(id), Config: &api.Config{}, Host: &api.HostConfig{}}
			}
			saved, err := lifecycle.Statuses.Get(tx, id)
			if err != nil {
				saved = lifecycle.Status{State: api.StateExited, ExitCode: codeLost}
			}
			owner, used := e.names[rec.Name]
			if used && !e.foreign(&rec) {
				other := e.containers[owner].Record()
				used = !e.foreign(&other)
			}
			if used {
				rec.Name = "duplicate_" + ident.Short(id)
			}
			st := e.saver.Newest(id, saved)
			c := e.newContainer(rec, st)
			if bad != nil {
				c.Damage(bad.Error())
			} else if !st.Running() {
				e.lookForDamage(c)
			}
			e.containers[id] = c
			e.names[rec.Name] = id
			return nil
		})
	})
}

// writeBeside writes the record of a container to its folder, too. Errors are only logged, since the state has the
// record.
func (e *Engine) writeBeside(rec *lifecycle.Record) {
	if err := recovery.WriteRecord(e.o.Disk, e.dir(rec.ID), rec.ID, rec); err != nil {
		e.log.Warn("write record", "error", err)
	}
}

// completeRecords writes the records that are missing in folders, because an older box made the container.
func (e *Engine) completeRecords() {
	for _, c := range e.all() {
		if e.stopped.Err() != nil {
			return
		}
		c.Lock()
		if rec := c.Record(); !c.Gone() && c.Damaged() == "" && !recovery.HasRecord(e.dir(rec.ID)) {
			e.writeBeside(&rec)
		}
		c.Unlock()
	}
}

// remakeRoots makes the layers of containers again that were not on the disk when the host went down.
func (e *Engine) remakeRoots(ctx context.Context) {
	s, ok := e.layers.(fs.Settler)
	if !ok {
		return
	}
	lost := map[string]bool{}
	for _, name := range s.Unsettled() {
		lost[name] = true
	}
	for id, c := range e.containers {
		rec := c.Record()
		if e.foreign(&rec) || !lost[id] && !lost[id+"-init"] {
			continue
		}
		if st := c.Status(); !st.Started.IsZero() {
			// It ran, so its files were on the disk: an older box, which leaves marks alone, has run it meanwhile.
			if err := e.settleRoot(ctx, s, id, lost); err != nil {
				e.log.Error("root of a container", "container", ident.Short(id), "error", err)
			}
			continue
		}
		if err := e.remakeRoot(ctx, s, &rec, lost); err != nil {
			e.log.Error("make the root of a container again", "container", ident.Short(id), "error", err)
			c.Damage(e.Explain(err).Error())
			continue
		}
		e.log.Info("the root of a container was made again: it was not on the disk when the host went down",
			"container", ident.Short(id))
	}
}

func (e *Engine) settleRoot(ctx context.Context, s fs.Settler, id string, lost map[string]bool) error {
	names := slices.DeleteFunc([]string{id + "-init", id}, func(name string) bool { return !lost[name] })
	return s.Settle(ctx, names...)
}

func (e *Engine) remakeRoot(ctx context.Context, s fs.Settler, rec *lifecycle.Record, lost map[string]bool) error {
	base, again := rec.ID+"-init", []string{}
	for _, name := range []string{base, rec.ID} {
		if !lost[name] {
			continue
		}
		if err := s.Remake(ctx, name); err != nil {
			return err
		}
		again = append(again, name)
		if name == base {
			if _, err := e.fillInit(ctx, base, rec); err != nil {
				return err
			}
		}
	}
	if lost[rec.ID] {
		if err := e.makeWorkingDir(ctx, rec); err != nil {
			return err
		}
	}
	return s.Settle(ctx, again...)
}

// lookForDamage marks a stopped container whose folder cannot be used.
func (e *Engine) lookForDamage(c *lifecycle.Container) {
	rec, st, _ := c.See()
	if why := e.damage(&rec, &st); why != "" {
		c.Damage(why)
	}
}

// damage returns what is wrong with the folder of a stopped container, or "". The folder of a container that never ran
// may have been lost in a power failure, so it is created again.
func (e *Engine) damage(rec *lifecycle.Record, st *lifecycle.Status) string {
	dir := e.dir(rec.ID)
	if st.Started.IsZero() {
		_ = e.o.Disk.Mkdir(dir, 0o710) // where it is not there; the look at it tells
	}
	i, err := os.Stat(dir)
	if err == nil && !i.IsDir() {
		err = &os.PathError{Op: "open", Path: dir, Err: unix.ENOTDIR}
	}
	if err != nil {
		e.log.Error("damaged container", "container", rec.ID, "error", err)
		return e.Explain(err).Error()
	}
	return ""
}

// reconcile compares the records with the containers of the keeper.
func (e *Engine) reconcile(alive []task.Status) {
	byID := map[string]task.Status{}
	for _, t := range alive {
		byID[t.ID] = t
		if e.containers[t.ID] == nil {
			e.killUnknown(t)
		}
	}
	for id, c := range e.containers {
		t, there := byID[id]
		rec, st, _ := c.See()
		switch {
		case there && t.Exit == nil && st.Running() && t.Pid == st.Pid:
			c.Note(func(s *lifecycle.Status) {
				if s.State = api.StateRunning; t.Paused {
					s.State = api.StatePaused
				}
			})
			e.roots.KeepAll(&rec)
		case there && t.Exit != nil && st.Running() && t.Pid == st.Pid:
			// Its end is told again by the watch.
			e.roots.KeepAll(&rec)
		case there && t.Exit == nil:
			// Started, and then the daemon was cut off before it wrote that down.
			c.Change(func(s *lifecycle.Status) { s.State, s.Pid, s.Started = api.StateRunning, t.Pid, t.Started })
			e.roots.KeepAll(&rec)
		case st.Running() || st.State == api.StateRestarting:
			e.putToRest(c)
		case st.State == api.StateRemoving:
			c.Note(func(s *lifecycle.Status) { s.State = api.StateDead })
		}
	}
}

// killUnknown ends a container whose record was removed.
func (e *Engine) killUnknown(t task.Status) {
	if t.Exit == nil {
		_ = e.o.Tasks.Task(t.ID).Signal(context.Background(), "", 9, false)
	}
	e.log.Warn("container without a record is ended", "container", ident.Short(t.ID))
}

// putToRest records the end of a container that nobody owns any more, after it has killed what may be left of it.
func (e *Engine) putToRest(c *lifecycle.Container) {
	code := codeLost
	if e.saver.Has(c.ID()) {
		code = codeKilled // the exec root is still there: the machine was not restarted
	}
	rec := c.Record()
	e.clear(&rec)
	e.roots.DropAll(&rec)
	c.Change(func(s *lifecycle.Status) {
		if h := s.Health; h != nil {
			s.Health = &api.Health{Status: api.Unhealthy, FailingStreak: h.FailingStreak, Log: h.Log}
		}
		restarting := s.State == api.StateRestarting
		s.State, s.Pid, s.Endpoints, s.Sandbox = api.StateExited, 0, nil, ""
		if !restarting {
			s.ExitCode, s.Finished = code, e.o.Now().UTC()
		}
	})
	e.lookForDamage(c)
}

// startWanted starts the containers that should run, in the background, and removes those with --rm.
func (e *Engine) startWanted() {
	var starts []func()
	for _, c := range e.all() {
		st, _ := c.Now()
		if st.Running() || c.Damaged() != "" {
			continue
		}
		rec := c.Record()
		p := rec.Host.RestartPolicy
		switch {
		case rec.Host.AutoRemove && st.State == api.StateExited:
			e.background(func() { e.autoRemove(c) })
		case st.State != api.StateExited, e.o.NoRestarts:
		case lifecycle.AtBoot(p, &st):
			free := e.spared.Spare(request.Ports(rec.Config, rec.Host))
			starts = append(starts, func() {
				defer free()
				if err := e.Start(context.Background(), c.ID()); err != nil && !errors.Is(err, refuse.ErrNotModified) {
					e.log.Error("start after the daemon did", "container", ident.Short(c.ID()), "error", err)
				}
			})
		}
	}
	for _, start := range starts { // when all their fixed ports are known
		e.background(start)
	}
}

// watchTasks follows the keeper until the engine is closed. If the keeper is lost, it is started again, and its
// containers are marked as stopped.
func (e *Engine) watchTasks() {
	for {
		err := e.o.Tasks.Watch(e.stopped, func(x task.Exit) {
			e.background(func() { e.onExit(x) })
		})
		if e.stopped.Err() != nil {
			return
		}
		e.log.Error("keeper is lost: its containers are ended", "error", err)
		orphans := e.clearOrphans()
		for e.o.Keeper(e.stopped) != nil && e.stopped.Err() == nil {
			select {
			case <-e.stopped.Done():
			case <-time.After(watchPause):
			}
		}
		for _, x := range orphans {
			e.onExit(x)
		}
	}
}
