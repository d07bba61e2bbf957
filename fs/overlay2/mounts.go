package overlay2

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/layers"
	"box/fs/mount"
	"box/fs/overlayfs"
)

// maxLowers is the maximum number of layers below one, as in Docker. Their short names fit one page.
const maxLowers = 128

// Mounts implements fs.Driver.
func (d *Driver) Mounts(ctx context.Context, name string) (string, []mount.Mount, error) {
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
		if err := d.create(ctx, row, fs.ForContainer); err != nil {
			return "", nil, fmt.Errorf("repair layer %s: %w", name, err)
		}
	}
	// A power failure may have taken the limit. Where the file system keeps none any more, the container runs without.
	if row.Quota > 0 && d.quota.Supported() == nil {
		if err := d.quota.Limit(ctx, d.dir(row), row.Quota); err != nil {
			return "", nil, fmt.Errorf("repair layer %s: %w", name, err)
		}
	}
	return merged, []mount.Mount{d.overlay(row, below, merged)}, nil
}

// overlay returns the mount of row on below, by short names.
func (d *Driver) overlay(row layers.Row, below []layers.Row, merged string) mount.Mount {
	var s overlayfs.Stack
	if row.State == fs.View {
		s.Lowers = append(s.Lowers, "l/"+row.Link) // its own, empty: overlayfs wants two at least
	} else {
		s.Upper, s.Work = row.ID+"/diff", row.ID+"/work"
	}
	for _, b := range below {
		s.Lowers = append(s.Lowers, "l/"+b.Link)
	}
	return d.host.Mount(d.root, s, merged)
}
