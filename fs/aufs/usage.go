package aufs

import (
	"context"
	"fmt"

	"box/fs"
	"box/fs/archive"
)

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
