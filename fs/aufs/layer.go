package aufs

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

// maxBranches is the maximum number of branches of a mount, as aufs is usually built (AUFS_BRANCH_MAX).
const maxBranches = 127

// Prepare implements fs.Driver.
func (d *Driver) Prepare(_ context.Context, name, parent string, o fs.PrepareOptions) error {
	if o.Quota != 0 {
		return fmt.Errorf("limit the size of layer %s: --storage-opt is not supported for aufs: %w", name,
			errdefs.ErrNotImplemented)
	}
	row, err := layers.NewRow(name, parent, o)
	if err != nil {
		return err
	}
	return d.Make(row, layers.Kept(o), func() error { return d.create(row, o.Purpose) })
}

// View implements fs.Driver.
func (d *Driver) View(_ context.Context, name, parent string) error {
	row, err := layers.NewView(name, parent)
	if err != nil {
		return err
	}
	return d.Make(row, fs.View, func() error { return d.create(row, fs.ForContainer) })
}

// create makes the folders of a layer. It also repairs a layer whose folders were lost in a power failure after its row
// was written: existing ones stay.
func (d *Driver) create(row layers.Row, p fs.Purpose) error {
	ids := fs.IDMaps{UIDs: row.UIDs, GIDs: row.GIDs}
	for _, name := range []string{"diff", "mnt"} { // a container's root goes through these
		if err := layers.MakeOuter(d.disk, d.root, filepath.Join(d.root, name), ids); err != nil {
			return err
		}
	}
	below := ""
	if row.Parent != "" {
		parent, err := d.table.Get(row.Parent)
		if err != nil {
			return err
		}
		below = d.diff(parent)
	}
	if _, err := layers.MakeFolder(d.disk, d.diff(row), below, ids); err != nil {
		return err
	}
	if err := layers.Mkdir(d.disk, d.mnt(row), 0o755); err != nil {
		return err
	}
	if p == fs.ForLayer {
		if err := d.Syncer.Start(row.Name, d.diff(row)); err != nil {
			return err
		}
	}
	if row.Parent == "" {
		return d.writeBelow(row, nil)
	}
	chain, err := d.table.Chain(row.Parent)
	if err != nil {
		return err
	}
	return d.writeBelow(row, chain)
}

// writeBelow writes the file that lists the layers below one.
func (d *Driver) writeBelow(row layers.Row, below []layers.Row) error {
	var list strings.Builder
	for _, b := range below {
		list.WriteString(b.ID + "\n")
	}
	return d.disk.WriteFile(d.at("layers", row), []byte(list.String()), 0o644)
}

// Commit implements fs.Driver.
func (d *Driver) Commit(tx fs.Tx, commits ...fs.Commit) error {
	if err := d.Content.Commit(tx, commits...); err != nil {
		return err
	}
	for _, c := range commits {
		chain, err := d.table.ChainIn(tx.Tx, c.Name)
		if err != nil {
			return err
		}
		// Not synced: mounts go by the table.
		if err := d.writeBelow(chain[0], chain[1:]); err != nil {
			return fmt.Errorf("layer %s: %w", c.Name, err)
		}
	}
	return nil
}

// Mounts implements fs.Driver.
func (d *Driver) Mounts(_ context.Context, name string) (string, []mount.Mount, error) {
	chain, err := d.table.Chain(name)
	if err != nil {
		return "", nil, err
	}
	row := chain[0]
	switch {
	case row.State == fs.Committed:
		return "", nil, fmt.Errorf("mount layer %s: it is an image's: %w", name, errdefs.ErrFailedPrecondition)
	case len(chain) > maxBranches:
		return "", nil, fmt.Errorf("mount layer %s: %d branches, the most is %d: %w", name, len(chain), maxBranches,
			errdefs.ErrOutOfRange)
	}
	for _, dir := range []string{d.mnt(row), d.diff(row)} {
		if _, err := os.Lstat(dir); err == nil {
			continue
		}
		if err := d.create(row, fs.ForContainer); err != nil {
			return "", nil, fmt.Errorf("repair layer %s: %w", name, err)
		}
	}
	return d.mnt(row), d.mounts(chain), nil
}
