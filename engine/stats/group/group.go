// Package group measures control groups of either version through files that stay open: a measurement is a read of
// each, without a path to walk. What cannot be read is zero, since controllers may be missing and a container may end
// meanwhile.
package group

import (
	"io"
	"os"
	"path/filepath"

	"box/engine/stats/sample"
)

// Group is the control group of a container. It is for one goroutine at a time.
type Group struct {
	paths map[string]string
	v1    bool
	files map[string]*file
	buf   *Buffer
}

// Buffer is what files are read into. Groups of one goroutine share one.
type Buffer struct{ b []byte }

// file is an open file of the kernel's, or one that there is none of.
type file struct{ f *os.File }

// Open returns the group in the folders paths, by controller, "" for the unified hierarchy. Files are opened when they
// are read first.
func Open(paths map[string]string, buf *Buffer) *Group {
	return &Group{paths: paths, v1: paths["memory"] != "" || paths["cpuacct"] != "", files: map[string]*file{}, buf: buf}
}

// Close closes the files.
func (g *Group) Close() {
	for _, f := range g.files {
		if f.f != nil {
			f.f.Close()
		}
	}
	clear(g.files)
}

// Read fills in the counters of c from which rates are made, and those that say what is in use. The limits must be
// there: what cannot be held back has no counters of that.
//
// What has not run since before, an earlier measurement, has not touched memory, started tasks or asked for input and
// output: that is copied, with one file read instead of six. What the kernel did meanwhile, such as to write pages
// back, is seen by a Read whose before is nil.
func (g *Group) Read(c, before *sample.Container) {
	if g.v1 {
		g.processorV1(&c.CPU, before)
	} else {
		g.processorV2(c)
	}
	if before != nil && before.CPU.Total == c.CPU.Total {
		g.same(c, before)
		return
	}
	if g.v1 {
		g.memoryV1(&c.Memory)
		c.Pids.Current = number(g.read("pids", "pids.current"))
		g.ioV1(c)
		return
	}
	g.memoryV2(&c.Memory)
	c.Pids.Current = number(g.read("", "pids.current"))
	devices(g.read("", "io.stat"), &c.IO, countersV2)
}

// same copies what only tasks that run change.
func (g *Group) same(c, before *sample.Container) {
	m, was := &c.Memory, &before.Memory
	m.Usage, m.WorkingSet, m.RSS, m.Cache, m.Mapped, m.Swap = was.Usage, was.WorkingSet, was.RSS, was.Cache, was.Mapped,
		was.Swap
	m.Faults, m.MajorFaults = was.Faults, was.MajorFaults
	if !g.v1 {
		m.Kernel = was.Kernel
	}
	c.Pids.Current, c.IO = before.Pids.Current, before.IO
}

// Limits fills in what the container may use.
func (g *Group) Limits(c *sample.Container) {
	if g.v1 {
		g.limitsV1(c)
	} else {
		g.limitsV2(c)
	}
	c.CPU.Limit = 0
	if c.CPU.Quota > 0 && c.CPU.Period > 0 {
		c.CPU.Limit = float64(c.CPU.Quota) / float64(c.CPU.Period)
	}
}

// Peaks fills in what says how near the limits it came: the highest use, and counters of failures.
func (g *Group) Peaks(c *sample.Container) {
	if g.v1 {
		g.peaksV1(&c.Memory)
	} else {
		g.peaksV2(&c.Memory)
	}
}

// Keep copies what Limits and Peaks fill in.
func Keep(to, from *sample.Container) {
	c, m := &from.CPU, &from.Memory
	to.CPU = sample.CPU{Shares: c.Shares, Quota: c.Quota, Period: c.Period, Limit: c.Limit}
	to.Memory = sample.Memory{Limit: m.Limit, SwapLimit: m.SwapLimit, Reserved: m.Reserved, Max: m.Max, Kernel: m.Kernel,
		Failures: m.Failures, OOMKills: m.OOMKills}
	to.Pids.Limit = from.Pids.Limit
}

// read returns the content of a file of a controller, nil if there is none. It is valid until the next call.
func (g *Group) read(controller, name string) []byte {
	f := g.files[name]
	if f == nil {
		f = &file{}
		if dir := g.paths[controller]; dir != "" {
			f.f, _ = os.Open(filepath.Join(dir, name)) // a kernel without it has none
		}
		g.files[name] = f
	}
	if f.f == nil {
		return nil
	}
	if g.buf.b == nil {
		g.buf.b = make([]byte, 8<<10)
	}
	for {
		n, err := f.f.ReadAt(g.buf.b, 0)
		if err != nil && err != io.EOF {
			return nil // the group is gone
		}
		if n < len(g.buf.b) || len(g.buf.b) >= maxFile {
			return g.buf.b[:n]
		}
		g.buf.b = make([]byte, 2*len(g.buf.b))
	}
}

// there tells whether there is a file that was read.
func (g *Group) there(name string) bool { return g.files[name] != nil && g.files[name].f != nil }

// maxFile bounds what is read of one file, in bytes: io.stat has a line for each device.
const maxFile = 1 << 20

// once reads a file that does not stay open.
func (g *Group) once(controller, name string) []byte {
	dir := g.paths[controller]
	if dir == "" {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil
	}
	return raw
}
