package cgroup

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Procs opens the files, one per tree, to which a process writes "0" to move itself into the group. The caller closes
// them.
func (g *Group) Procs() ([]*os.File, error) {
	procs := make([]*os.File, 0, len(g.h.mounts))
	for _, m := range g.h.mounts {
		if m.controllers == nil {
			continue
		}
		name := m.dir + g.path + "/cgroup.procs"
		fd, err := open(name, unix.O_WRONLY)
		if err == nil {
			procs = append(procs, os.NewFile(uintptr(fd), name))
			continue
		}
		if err == unix.ENOENT && m.optional() && !g.h.unified {
			continue
		}
		for _, d := range procs {
			d.Close()
		}
		return nil, fmt.Errorf("open control group %s: %w", name, err)
	}
	return procs, nil
}

// Folder opens the group on the unified tree for clone3(2), CLONE_INTO_CGROUP: a process created in its group is
// spared a move, which takes the kernel about 15 ms. It returns nil on v1. The caller closes the file.
func (g *Group) Folder() (*os.File, error) {
	if !g.h.unified {
		return nil, nil
	}
	name := g.h.mounts[0].dir + g.path
	fd, err := open(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, fmt.Errorf("open control group %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
