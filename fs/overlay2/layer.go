package overlay2

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
	"box/fs/layers"
)

// recordFile is the name of the record of a layer's tar in its folder.
const recordFile = "tar-split.zst"

// Prepare implements fs.Driver.
func (d *Driver) Prepare(ctx context.Context, name, parent string, o fs.PrepareOptions) error {
	if o.Quota == 0 && o.Purpose == fs.ForContainer {
		o.Quota = d.size
	}
	row, err := linked(layers.NewRow(name, parent, o))
	if err != nil {
		return err
	}
	return d.Make(row, layers.Kept(o), func() error { return d.create(ctx, row, o.Purpose) })
}

// View implements fs.Driver.
func (d *Driver) View(ctx context.Context, name, parent string) error {
	row, err := linked(layers.NewView(name, parent))
	if err != nil {
		return err
	}
	return d.Make(row, fs.View, func() error { return d.create(ctx, row, fs.ForContainer) })
}

// linked gives a row its short name.
func linked(row layers.Row, err error) (layers.Row, error) {
	if err == nil && row.ID == "l" {
		err = fmt.Errorf("layer key %q is taken by the driver: %w", row.ID, errdefs.ErrInvalidArgument)
	}
	row.Link = newLink()
	return row, err
}

// newLink returns a short name: 26 characters of A-Z and 2-7.
func newLink() string {
	b := make([]byte, 17)
	rand.Read(b) // never gives an error (crypto/rand)
	return base32.StdEncoding.EncodeToString(b)[:26]
}

// create makes the folders of a layer. It also repairs a layer whose folders were lost in a power failure after its row
// was written: existing ones stay.
func (d *Driver) create(ctx context.Context, row layers.Row, p fs.Purpose) error {
	dir := d.dir(row)
	ids := fs.IDMaps{UIDs: row.UIDs, GIDs: row.GIDs}
	if err := layers.MakeOuter(d.disk, d.root, dir, ids); err != nil {
		return err
	}
	if row.Quota > 0 { // of all that comes into it: what is written, and what overlayfs works with
		if err := d.quota.Limit(ctx, dir, row.Quota); err != nil {
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
	names := []string{"work"}
	if p == fs.ForContainer {
		names = append(names, "merged")
	}
	for _, name := range names {
		if err := layers.Mkdir(d.disk, filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	if err := d.disk.WriteFile(filepath.Join(dir, "link"), []byte(row.Link), 0o644); err != nil {
		return err
	}
	err := d.disk.Symlink(filepath.Join("..", row.ID, "diff"), filepath.Join(d.root, "l", row.Link))
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if p == fs.ForLayer {
		return d.Syncer.Start(row.Name, dir)
	}
	return d.writeLower(row)
}

// writeLower writes the lower file from the table.
func (d *Driver) writeLower(row layers.Row) error {
	if row.Parent == "" {
		return nil
	}
	chain, err := d.table.Chain(row.Parent)
	if err != nil {
		return err
	}
	return d.disk.WriteFile(filepath.Join(d.dir(row), "lower"), []byte(lowerNames(chain)), 0o644)
}

// lowerNames returns the content of a lower file for a chain from the top.
func lowerNames(chain []layers.Row) string {
	names := make([]string, len(chain))
	for i, row := range chain {
		names[i] = "l/" + row.Link
	}
	return strings.Join(names, ":")
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
		row, below := chain[0], chain[1:]
		if len(below) == 0 {
			continue
		}
		// Not synced: mounts go by the table.
		if err := d.disk.WriteFile(filepath.Join(d.dir(row), "lower"), []byte(lowerNames(below)), 0o644); err != nil {
			return fmt.Errorf("layer %s: %w", row.Name, err)
		}
	}
	return nil
}

// remove deletes the files of a layer.
func (d *Driver) remove(row layers.Row) error {
	err := d.disk.Remove(filepath.Join(d.root, "l", row.Link))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	gone, doomErr := layers.Doom(d.disk, d.dir(row))
	if doomErr != nil {
		return errors.Join(err, doomErr)
	}
	return errors.Join(err, d.delete(gone))
}
