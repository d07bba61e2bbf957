package engine

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"box/engine/cgroup"
	"box/engine/ident"
	"box/engine/lifecycle"
	"box/engine/task"
)

// sweep removes what crashes left: folders, statuses and namespaces of containers that do not exist.
func (e *Engine) sweep(ctx context.Context) {
	for _, dir := range []string{filepath.Join(e.o.Root, "containers"), filepath.Dir(e.mountIDPath(e.layers.Name(), "x"))} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if !e.known(entry.Name()) {
				_ = e.o.Disk.RemoveAll(filepath.Join(dir, entry.Name()))
			}
		}
	}
	entries, _ := os.ReadDir(filepath.Join(e.o.Run, "containers"))
	for _, entry := range entries {
		if id := strings.TrimSuffix(entry.Name(), ".json"); !e.known(id) {
			_ = e.o.Disk.Remove(filepath.Join(e.o.Run, "containers", entry.Name()))
		}
	}
	e.sweepSandboxes(ctx)
}

func (e *Engine) sweepSandboxes(ctx context.Context) {
	if e.o.Net == nil {
		return
	}
	names, err := e.o.Net.Sandboxes(ctx)
	if err != nil {
		e.log.Warn("list network namespaces", "error", err)
		return
	}
	used := map[string]bool{}
	for id, c := range e.containers {
		if st, _ := c.Now(); st.Running() {
			used[ident.Short(id)] = true
		}
	}
	for _, name := range names {
		if !used[name] {
			_ = e.o.Net.RemoveSandbox(ctx, name)
		}
	}
}

// clearOrphans kills the containers of a lost keeper and returns their ends.
func (e *Engine) clearOrphans() []task.Exit {
	var list []task.Exit
	for _, c := range e.all() {
		st, _ := c.Now()
		if !st.Running() {
			continue
		}
		rec := c.Record()
		e.clear(&rec)
		list = append(list, task.Exit{Container: c.ID(), Pid: st.Pid, Code: codeKilled, At: e.o.Now()})
	}
	return list
}

// clear kills what may be left of a container that nobody owns, and removes its control group and the keeper's files.
func (e *Engine) clear(rec *lifecycle.Record) {
	if err := cgroup.Clear(rec.Cgroup); err != nil {
		e.log.Error("end what is left of a container", "container", ident.Short(rec.ID), "error", err)
	}
	_ = os.RemoveAll(filepath.Join(e.o.Run, "keeper", rec.ID))
}

// sweepGroups clears stopped containers that the keeper does not have but that have a control group, because a daemon
// and its keeper were killed during a start.
func (e *Engine) sweepGroups(alive []task.Status) {
	known := map[string]bool{}
	for _, t := range alive {
		known[t.ID] = true
	}
	idle := map[string][]lifecycle.Record{} // by the parent of their group
	for id, c := range e.containers {
		if rec, st, _ := c.See(); !st.Running() && !known[id] && path.Base(rec.Cgroup) == id {
			idle[path.Dir(rec.Cgroup)] = append(idle[path.Dir(rec.Cgroup)], rec)
		}
	}
	for parent, records := range idle {
		groups, err := e.groups()
		if err != nil {
			e.log.Warn("look for what is left of containers", "error", err)
			return
		}
		left := groups.Names(parent)
		for _, rec := range records {
			if _, found := slices.BinarySearch(left, rec.ID); found {
				e.log.Warn("end what a start that was cut off left", "container", ident.Short(rec.ID))
				e.clear(&rec)
			}
		}
	}
}
