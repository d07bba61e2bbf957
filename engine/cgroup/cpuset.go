package cgroup

import (
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// cpuset adds the limits of CPUs and memory nodes, which are the same in both versions.
func (l *limits) cpuset(c *specs.LinuxCPU) {
	if c.Cpus != "" {
		l.add("cpuset.cpus", c.Cpus)
	}
	if c.Mems != "" {
		l.add("cpuset.mems", c.Mems)
	}
}

// inheritCpuset gives a v1 group its parent's CPUs and memory nodes, unless r sets them: nothing can join a group
// without them.
func (g *Group) inheritCpuset(r *specs.LinuxResources) error {
	m, ok := g.h.find("cpuset")
	if !ok {
		return nil
	}
	cpus, mems, err := cpusetOf(m.dir, path.Dir(g.path))
	if err != nil {
		return err
	}
	if r.CPU == nil || r.CPU.Cpus == "" {
		err = fill(m.dir, g.path, "cpuset.cpus", cpus)
	}
	if err == nil && (r.CPU == nil || r.CPU.Mems == "") {
		err = fill(m.dir, g.path, "cpuset.mems", mems)
	}
	return err
}

// cpusetOf returns the CPUs and memory nodes of the group at p, after filling empty ones from its parent.
func cpusetOf(root, p string) (cpus, mems string, err error) {
	if cpus, err = read(root + p + "/cpuset.cpus"); err != nil {
		return "", "", fmt.Errorf("read cpuset.cpus of %s: %w", p, err)
	}
	if mems, err = read(root + p + "/cpuset.mems"); err != nil {
		return "", "", fmt.Errorf("read cpuset.mems of %s: %w", p, err)
	}
	cpus, mems = strings.TrimSpace(cpus), strings.TrimSpace(mems)
	if cpus != "" && mems != "" || p == "/" {
		return cpus, mems, nil
	}
	above, nodes, err := cpusetOf(root, path.Dir(p))
	if err == nil && cpus == "" {
		cpus, err = above, fill(root, p, "cpuset.cpus", above)
	}
	if err == nil && mems == "" {
		mems, err = nodes, fill(root, p, "cpuset.mems", nodes)
	}
	return cpus, mems, err
}

func fill(root, p, file, value string) error {
	if err := write(root+p+"/"+file, value); err != nil {
		return fmt.Errorf("set %s of %s to %s: %w", file, p, value, err)
	}
	return nil
}
