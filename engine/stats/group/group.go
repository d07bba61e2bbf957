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

// Read fills in the counters of c from which rates are made, and those that say what is in use. With all it fills in
// what changes seldom too: limits, and counters of failures. Without it, that stays as Keep has left it.
func (g *Group) Read(c *sample.Container, all bool) {
	read, seldom := g.readV2, g.seldomV2
	if g.v1 {
		read, seldom = g.readV1, g.seldomV1
	}
	if all {
		seldom(c)
	}
	read(c)
}

// Keep copies what Read without all does not fill in.
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
