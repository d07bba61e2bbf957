package cgroup

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// limit is a value for a file of a group. The file name begins with its controller.
type limit struct {
	file, value string
	instead     string // file to use on kernels that lack the first
	spare       bool   // a missing file is no error
}

// limits is applied in order. Some limits depend on each other (a quota may be too much for the period before it, a
// memory limit more than that of memory and swap), so what the kernel refuses at first is retried after the others.
type limits []limit

func (l *limits) add(file, value string) { *l = append(*l, limit{file: file, value: value}) }

// number adds a limit unless n is nil or 0, which leave it unchanged.
func (l *limits) number(file string, n *int64) {
	if n != nil && *n != 0 {
		l.add(file, strconv.FormatInt(*n, 10))
	}
}

func (l *limits) unsigned(file string, n *uint64) {
	if n != nil && *n != 0 {
		l.add(file, strconv.FormatUint(*n, 10))
	}
}

// pids adds the limit of processes, which is the same in both versions. It is at least 1, since nothing could join a
// group with 0.
func (l *limits) pids(p *specs.LinuxPids) {
	switch {
	case p == nil || p.Limit == nil:
	case *p.Limit < 0:
		l.add("pids.max", "max")
	default:
		l.add("pids.max", strconv.FormatInt(max(*p.Limit, 1), 10))
	}
}

// hugepages limits the use of huge pages and, since Linux 5.7, their reservation.
func (l *limits) hugepages(pages []specs.LinuxHugepageLimit, suffix string) {
	for _, p := range pages {
		value := strconv.FormatUint(p.Limit, 10)
		*l = append(*l, limit{file: "hugetlb." + p.Pagesize + suffix, value: value},
			limit{file: "hugetlb." + p.Pagesize + ".rsvd" + suffix, value: value, spare: true})
	}
}

func (g *Group) set(list limits) error {
	var again limits
	for _, l := range list {
		err := g.setOne(l)
		if errors.Is(err, unix.EINVAL) && len(list) > 1 {
			again = append(again, l)
		} else if err != nil {
			return err
		}
	}
	for _, l := range again {
		if err := g.setOne(l); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) setOne(l limit) error {
	controller, _, _ := strings.Cut(l.file, ".")
	m, ok := g.h.find(controller)
	if !ok {
		if l.spare {
			return nil
		}
		return fmt.Errorf("set %s of %s to %s: controller %s is not mounted", l.file, g.path, l.value, controller)
	}
	dir := m.dir + g.path + "/"
	err := write(dir+l.file, l.value)
	if err == unix.ENOENT && l.instead != "" {
		l.file = l.instead
		err = write(dir+l.file, l.value)
	}
	if err == nil || err == unix.ENOENT && l.spare {
		return nil
	}
	if err == unix.EBUSY && l.file == memoryLimit {
		usage, _ := read(dir + "memory.usage_in_bytes")
		peak, _ := read(dir + "memory.max_usage_in_bytes")
		return fmt.Errorf("unable to set memory limit to %s (current usage: %s, peak usage: %s)", l.value,
			strings.TrimSpace(usage), strings.TrimSpace(peak))
	}
	return fmt.Errorf("set %s of %s to %s: %w", l.file, g.path, strings.TrimSpace(l.value), err)
}

// current returns the content of a file on the unified tree, "" if it is missing.
func (g *Group) current(file string) string {
	text, _ := read(g.h.mounts[0].dir + g.path + "/" + file)
	return strings.TrimSpace(text)
}
