package image

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs"
)

// Recover rebuilds the rows of images, for each driver that has layers, from what is below root: content, layers and
// the files of rows. A row in tx stays if nothing newer is known and everything that its image needs exists. An image
// known only by its configuration gets a row without a name. Recover returns how many images there are, and the paths
// of content that none of them has.
func Recover(tx *state.Tx, root string, drivers map[string]fs.Recovered) (count int, left []string, err error) {
	s := &Store{dir: filepath.Join(root, "content")}
	r := recovery{s: s, rows: map[string]row{}, blobs: map[digest.Digest]bool{}, drivers: drivers}
	err = s.Walk(func(d digest.Digest) error { r.blobs[d] = true; return nil })
	if err != nil && !os.IsNotExist(err) {
		return 0, nil, err
	}
	err = images().Walk(tx, func(key string, had row, bad error) error {
		if bad == nil {
			r.rows[key] = had
		}
		return images().Delete(tx, key)
	})
	if err != nil {
		return 0, nil, err
	}
	r.readBeside()
	r.readContent()
	for key, row := range r.rows {
		if !r.whole(key, row) {
			delete(r.rows, key)
		}
	}
	r.settleNames()
	for key, row := range r.rows {
		if err := images().Put(tx, key, row); err != nil {
			return 0, nil, err
		}
		_, id, _ := strings.Cut(key, "/")
		for _, d := range append(row.Manifests, digest.Digest(id)) {
			delete(r.blobs, d)
		}
	}
	for d := range r.blobs {
		path, _ := s.path(d)
		left = append(left, path)
	}
	slices.Sort(left)
	return len(r.rows), left, nil
}

// recovery is one run of Recover.
type recovery struct {
	s       *Store
	rows    map[string]row // by driver/ID, as in the table
	blobs   map[digest.Digest]bool
	drivers map[string]fs.Recovered
}

// readBeside reads the files of rows, which are as new as the last change but may be truncated.
func (r *recovery) readBeside() {
	files, _ := os.ReadDir(rowsDir(r.s.dir))
	for _, f := range files {
		driver, hex, ok := strings.Cut(f.Name(), "-")
		raw, err := os.ReadFile(filepath.Join(rowsDir(r.s.dir), f.Name()))
		var have row
		if ok && err == nil && json.Unmarshal(raw, &have) == nil && have.Driver == driver {
			r.rows[driver+"/"+digest.NewDigestFromEncoded(digest.SHA256, hex).String()] = have
		}
	}
}

// readContent makes rows for configurations that have none.
func (r *recovery) readContent() {
	for d := range r.blobs {
		raw, err := r.s.read(d)
		if err != nil {
			continue
		}
		img, err := Parse(raw)
		if err != nil || img.Config.RootFS.Type == "" {
			continue // a manifest, not a configuration
		}
		for driver, have := range r.drivers {
			key := driver + "/" + d.String()
			if _, known := r.rows[key]; known {
				continue
			}
			fresh := row{Driver: driver, Top: img.ChainID(), Created: img.created(), Labels: img.Config.Config.Labels,
				Diffs: img.Config.RootFS.DiffIDs}
			for _, chain := range img.ChainIDs() {
				fresh.Size += max(have.Layers[chain.String()].Size, 0)
			}
			r.rows[key] = fresh
		}
	}
}

// whole reports whether everything that an image needs exists.
func (r *recovery) whole(key string, have row) bool {
	driver, id, _ := strings.Cut(key, "/")
	found, ok := r.drivers[driver]
	if !ok || digest.Digest(id).Validate() != nil || !r.s.whole(digest.Digest(id)) {
		return false
	}
	for _, chain := range chainIDs(have.Diffs) {
		if l, there := found.Layers[chain.String()]; !there || l.State != fs.Committed {
			return false
		}
	}
	return true
}

// settleNames gives a name that two images of one driver claim to the one that was tagged last.
func (r *recovery) settleNames() {
	owner := map[string]string{}
	for key, have := range r.rows {
		driver, _, _ := strings.Cut(key, "/")
		for _, n := range have.Names {
			at := driver + "/" + n
			if other, taken := owner[at]; !taken || r.rows[other].Tagged.Before(have.Tagged) {
				owner[at] = key
			}
		}
	}
	for key, have := range r.rows {
		driver, _, _ := strings.Cut(key, "/")
		have.Names = slices.DeleteFunc(slices.Clone(have.Names), func(n string) bool { return owner[driver+"/"+n] != key })
		have.Manifests = slices.DeleteFunc(slices.Clone(have.Manifests), func(d digest.Digest) bool { return !r.blobs[d] })
		r.rows[key] = have
	}
}
