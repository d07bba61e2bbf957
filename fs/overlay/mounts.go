package overlay

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/layers"
	"box/fs/mount"
)

// maxLowers is the maximum number of layers below one, as in Docker. Their short names fit one page.
const maxLowers = 128

// Mounts implements fs.Driver.
func (d *Driver) Mounts(_ context.Context, name string) (string, []mount.Mount, error) {
	chain, err := d.table.Chain(name)
	if err != nil {
		return "", nil, err
	}
	row, below := chain[0], chain[1:]
	switch {
	case row.State == fs.Committed:
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	case len(below) > maxLowers:
		return "", nil, fmt.Errorf("mount layer %s: %d layers below, the most is %d: %w", name, len(below), maxLowers,
			errdefs.ErrOutOfRange)
	case len(below) == 0:
		return d.diff(row), nil, nil
	}
	merged := filepath.Join(d.dir(row), "merged")
	if _, err := os.Stat(merged); err != nil {
		if err := d.create(row, fs.ForContainer); err != nil {
			return "", nil, fmt.Errorf("repair layer %s: %w", name, err)
		}
	}
	return merged, []mount.Mount{d.overlay(row, below, merged)}, nil
}

// overlay returns the mount of row on below. Paths are absolute, as people expect in /proc/mounts, unless they would
// not fit the page or contain characters that overlayfs interprets.
func (d *Driver) overlay(row layers.Row, below []layers.Row, merged string) mount.Mount {
	m := mount.Mount{Type: "overlay", Source: "overlay", Target: merged}
	m.Options = d.options(row, below, d.root+"/")
	if strings.ContainsAny(d.root, `,:\`) || len(strings.Join(m.Options, ",")) >= os.Getpagesize() {
		m.Dir, m.Options = d.root, d.options(row, below, "")
	}
	return m
}

func (d *Driver) options(row layers.Row, below []layers.Row, prefix string) []string {
	var lower []string
	if row.State == fs.View {
		lower = append(lower, prefix+"l/"+row.Link) // its own, empty: overlayfs wants two at least
	}
	for _, b := range below {
		lower = append(lower, prefix+"l/"+b.Link)
	}
	o := []string{"lowerdir=" + strings.Join(lower, ":")}
	if row.State == fs.View {
		return append(o, "ro")
	}
	o = append(o, "upperdir="+prefix+row.ID+"/diff", "workdir="+prefix+row.ID+"/work")
	return append(o, d.host.options...)
}
