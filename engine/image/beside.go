package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Rows of images are also written next to the content, unsynced. Recover reads them when the state file is lost.

func rowsDir(content string) string { return filepath.Join(content, "rows") }

// rowPath returns the path of the file that holds an image's row.
func (s *Store) rowPath(driver string, id digest.Digest) string {
	return filepath.Join(rowsDir(s.dir), driver+"-"+id.Encoded())
}

// besides writes the files of changed rows. The next Open writes those that fail.
func (c *Catalog) besides(e edit) {
	for id, r := range e.set {
		_ = c.writeBeside(id, r)
	}
	for _, id := range e.gone {
		_ = c.store.disk.Remove(c.store.rowPath(c.layers.Name(), id))
	}
}

func (c *Catalog) writeBeside(id digest.Digest, r row) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return c.store.disk.Replace(c.store.rowPath(c.layers.Name(), id), raw, 0o600)
}

// Faults returns what was wrong when the catalog was opened, one sentence for each image or file.
func (c *Catalog) Faults() []string { return c.faults }

// lookAt records which configurations named by rows are missing, and brings the files of rows up to date. It runs
// before c is shared.
func (c *Catalog) lookAt(named map[digest.Digest]bool) error {
	there := map[digest.Digest]bool{}
	if err := c.store.Walk(func(d digest.Digest) error { there[d] = true; return nil }); err != nil {
		return err
	}
	for id := range named {
		if _, mine := c.rows[id]; mine && !there[id] {
			path, _ := c.store.path(id)
			c.faults = append(c.faults, fmt.Sprintf("image %s cannot be used, its configuration %s is missing: load or pull "+
				"it again", short(id), path))
		}
	}
	if err := c.store.disk.MkdirAll(rowsDir(c.store.dir), 0o700); err != nil {
		return fmt.Errorf("open content: %w", err)
	}
	files, err := os.ReadDir(rowsDir(c.store.dir))
	if err != nil {
		return fmt.Errorf("open content: %w", err)
	}
	beside := map[digest.Digest]bool{}
	for _, f := range files {
		hex, mine := strings.CutPrefix(f.Name(), c.layers.Name()+"-")
		id := digest.NewDigestFromEncoded(digest.SHA256, hex)
		if _, known := c.rows[id]; mine && !known {
			err = errors.Join(err, c.store.disk.Remove(filepath.Join(rowsDir(c.store.dir), f.Name())))
		}
		beside[id] = mine
	}
	for id, r := range c.rows {
		if !beside[id] {
			err = errors.Join(err, c.writeBeside(id, r))
		}
	}
	return err
}
