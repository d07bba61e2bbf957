package engine

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"box/engine/cgroup"
	"box/engine/ident"
	"box/engine/task"
)

// sweep removes what crashes left: folders, statuses and namespaces of containers that are not there.
func (e *Engine) sweep(ctx context.Context) {
	for _, dir := range []string{filepath.Join(e.o.Root, "containers"), filepath.Dir(e.mountIDPath("x"))} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if e.containers[entry.Name()] == nil {
				_ = e.o.Disk.RemoveAll(filepath.Join(dir, entry.Name()))
			}
		}
	}
	entries, _ := os.ReadDir(filepath.Join(e.o.Run, "containers"))
	for _, entry := range entries {
		if id := strings.TrimSuffix(entry.Name(), ".json"); e.containers[id] == nil {
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

// clearOrphans kills what a lost keeper owned and says how it ended.
func (e *Engine) clearOrphans() []task.Exit {
	var list []task.Exit
	for _, c := range e.all() {
		st, _ := c.Now()
		if !st.Running() {
			continue
		}
		if err := cgroup.Clear(c.Record().Cgroup); err != nil {
			e.log.Error("end what is left of a container", "container", ident.Short(c.ID()), "error", err)
		}
		_ = os.RemoveAll(filepath.Join(e.o.Run, "keeper", c.ID()))
		list = append(list, task.Exit{Container: c.ID(), Pid: st.Pid, Code: codeKilled, At: e.o.Now()})
	}
	return list
}
