package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"
)

// Pids lists the processes in and below the group, as numbered in this process's PID namespace.
func (g *Group) Pids() ([]int, error) {
	top, list, err := g.top()
	if gone(err) {
		return nil, fmt.Errorf("control group %s: %w", g.path, errdefs.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("processes of control group %s: %w", g.path, err)
	}
	err = filepath.WalkDir(top, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && p != top {
			var more []int
			more, err = pidsIn(p)
			list = append(list, more...)
		}
		if gone(err) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("processes of control group %s: %w", g.path, err)
	}
	return list, nil
}

// top returns the group's folder in a tree that has it, and its processes: usually the devices tree, which every
// container has, or another one if a removal was interrupted.
func (g *Group) top() (dir string, list []int, err error) {
	err = unix.ENOENT
	if m, ok := g.h.find("devices"); ok {
		dir = m.dir + g.path
		list, err = pidsIn(dir)
	}
	for _, m := range g.h.mounts {
		if !gone(err) {
			break
		}
		if m.controllers != nil {
			dir = m.dir + g.path
			list, err = pidsIn(dir)
		}
	}
	return dir, list, err
}

// gone reports whether a group was removed while it was read.
func gone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) }

// pidsIn lists the processes of one group. A threaded group cannot list processes, so its threads are listed.
func pidsIn(dir string) ([]int, error) {
	text, err := read(dir + "/cgroup.procs")
	if err == unix.EOPNOTSUPP {
		text, err = read(dir + "/cgroup.threads")
	}
	var list []int
	for word := range strings.FieldsSeq(text) {
		if pid, err := strconv.Atoi(word); err == nil && pid > 0 {
			list = append(list, pid)
		}
	}
	return list, err
}

// OOMKills returns how many of the group's processes the kernel killed for lack of memory, 0 if unknown.
func (g *Group) OOMKills() int {
	m, ok := g.h.find("memory")
	file := "memory.oom_control"
	if !ok {
		m, ok = g.h.find("")
	}
	if !ok {
		return 0
	}
	if m.v2 {
		file = "memory.events"
	}
	text, err := read(m.dir + g.path + "/" + file)
	if err != nil {
		return 0
	}
	return countOOMKills(text)
}
