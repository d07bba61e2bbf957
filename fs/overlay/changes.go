package overlay

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/archive"
	"box/fs/layers"
)

// upper returns the upper folder of a container, and those below it as changes are told: against its -init layer.
func (d *Driver) upper(rows []layers.Row) archive.Upper {
	u := archive.Upper{Dir: d.files(rows[0]), Whiteouts: archive.Overlay}
	switch len(rows) {
	case 1: // on nothing
	case 2:
		u.Lowers = []string{d.files(rows[1])}
	default:
		u.Copied, u.Lowers = true, []string{d.files(rows[1]), d.files(rows[len(rows)-1])}
	}
	return u
}

// Changes implements fs.Differ.
func (d *Driver) Changes(ctx context.Context, name string) ([]fs.Change, error) {
	rows, err := d.stack(name)
	if err != nil {
		return nil, err
	}
	if rows[0].State == fs.Committed {
		return nil, fmt.Errorf("changes of layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	}
	changes, _, err := d.upper(rows).Changes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at layer %s: %w", name, err)
	}
	return changes, nil
}

// Diff implements fs.Differ. What a container writes meanwhile may be included or not.
func (d *Driver) Diff(ctx context.Context, name string, w io.Writer) error {
	row, err := d.table.Get(name)
	if err != nil {
		return err
	}
	changes, err := d.Changes(ctx, name)
	if err != nil {
		return err
	}
	p := archive.NewPacker(w, archive.PackOptions{Seconds: true, UIDs: row.UIDs, GIDs: row.GIDs})
	if err := p.PackChanges(ctx, d.files(row), changes); err != nil {
		return fmt.Errorf("pack layer %s: %w", name, err)
	}
	return p.Close()
}
