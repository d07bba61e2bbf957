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
	buf   []byte
}

// file is an open file of the kernel's, or one that there is none of.
type file struct{ f *os.File }

// Open returns the group in the folders paths, by controller, "" for the unified hierarchy. Files are opened when they
// are read first.
func Open(paths map[string]string) *Group {
	return &Group{paths: paths, v1: paths["memory"] != "" || paths["cpuacct"] != "", files: map[string]*file{},
		buf: make([]byte, 8<<10)}
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

// Read fills in the counters of c, and its limits too if limits is set: those change seldom.
func (g *Group) Read(c *sample.Container, limits bool) {
	if g.v1 {
		g.readV1(c)
		if limits {
			g.limitsV1(c)
		}
		return
	}
	g.readV2(c)
	if limits {
		g.limitsV2(c)
	}
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
	for {
		n, err := f.f.ReadAt(g.buf, 0)
		if err != nil && err != io.EOF {
			return nil // the group is gone
		}
		if n < len(g.buf) || len(g.buf) >= maxFile {
			return g.buf[:n]
		}
		g.buf = make([]byte, 2*len(g.buf))
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
