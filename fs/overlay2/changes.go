package overlay2

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

// Diff implements fs.Differ. What a container writes meanwhile may be included or not.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	dir, err := unix.Open(d.diff(row), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	defer unix.Close(dir)
	p := archive.NewPacker(w, archive.PackOptions{Whiteouts: archive.Overlay, Seconds: true, UIDs: row.UIDs,
		GIDs: row.GIDs})
	if err := p.Content(ctx, dir); err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	return p.Close()
}

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	chain, err := d.table.Chain(name)
	if err != nil {
		return nil, err
	}
	var below []string
	for _, row := range chain[1:] {
		below = append(below, d.diff(row))
	}
	changes, _, err := archive.Upper{Dir: d.diff(chain[0]), Lowers: below, Whiteouts: archive.Overlay}.Changes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at layer %s: %w", name, err)
	}
	return changes, nil
}
