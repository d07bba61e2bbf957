package aufs

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"box/fs"
	"box/fs/archive"
)

// Diff implements fs.Differ: the branch as it is, without the books of aufs. What a container writes meanwhile may be
// included or not.
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
	p := archive.NewPacker(w, archive.PackOptions{Whiteouts: archive.Aufs, Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
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
	u := archive.Upper{Dir: d.diff(chain[0]), Whiteouts: archive.Aufs}
	for _, row := range chain[1:] {
		u.Lowers = append(u.Lowers, d.diff(row))
	}
	changes, _, err := u.Changes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at layer %s: %w", name, err)
	}
	return changes, nil
}

// Usage implements fs.Driver: what is in the branch, without marks and the books of aufs.
func (d *Driver) Usage(ctx context.Context, name string) (fs.Usage, error) {
	row, err := d.table.Get(name)
	if err != nil {
		return fs.Usage{}, err
	}
	_, usage, err := archive.Upper{Dir: d.diff(row), Whiteouts: archive.Aufs}.Changes(ctx)
	if err != nil {
		return fs.Usage{}, fmt.Errorf("measure layer %s: %w", name, err)
	}
	return usage, nil
}
