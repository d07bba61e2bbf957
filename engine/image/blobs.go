package image

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
)

// Blob is a layer in the compressed form that registries have.
type Blob struct {
	Digest       digest.Digest
	Size         int64
	MediaType    string
	Repositories []string // where it was seen, full names, the latest first

	Left time.Time `json:",omitzero"` // set in the first of a list: when the last image with the layer was removed
}

// Origin describes an image as a registry has it.
type Origin struct {
	Repository string // full name
	Manifest   []byte // exact bytes, nil for none
	// The image's layers, the lowest first; Digest is "" for a layer that was not verified. All were seen in
	// Repository.
	Blobs []Blob
}

// Bounds on what is remembered about layers in registries.
const (
	maxBlobs        = 8  // compressed forms of one layer
	maxRepositories = 16 // repositories of one form

	maxLeft   = 4096 // layers that no image has any more
	trimEvery = 256  // so many layers are left before the table is trimmed
)

// blobs maps a layer's diff ID to its forms in registries. It only holds what was unpacked or packed here, so that no
// registry can pass off one content as another. It only saves transfers. Entries outlive their images, which may come
// back from an archive; of entries without an image the oldest are dropped first.
func blobs() state.Table[[]Blob] { return state.Table[[]Blob]{Name: "blobs"} }

// Blobs lists the forms in which registries have the layer with the content diff.
func (c *Catalog) Blobs(diff digest.Digest) (list []Blob, err error) {
	err = c.db.View(func(tx *state.Tx) error {
		list, err = blobs().Get(tx, diff.String())
		return err
	})
	if errdefs.IsNotFound(err) || errdefs.IsDataLoss(err) {
		return nil, nil
	}
	return list, err
}

// Manifests returns the manifests under which registries have an image, byte for byte, the latest first. Damaged ones
// are left out.
func (c *Catalog) Manifests(id digest.Digest) (list [][]byte) {
	r, _ := c.row(id)
	for _, d := range slices.Backward(r.Manifests) {
		if raw, err := c.store.read(d); err == nil {
			list = append(list, raw)
		}
	}
	return list
}

// Record remembers how a registry has an image, and adds the image's name there.
func (c *Catalog) Record(id digest.Digest, o Origin, name string) error {
	c.layering.Lock()
	defer c.layering.Unlock()
	img, err := c.open(id)
	if err != nil {
		return err
	}
	if _, ok := c.row(id); !ok {
		return missing(id.String())
	}
	return c.add([]pending{{img: img, names: []string{name}, origin: &o}}, nil)
}

// keepManifest stores an origin's manifest and adds it to the image's row.
func (c *Catalog) keepManifest(r *row, o *Origin) error {
	if o == nil || len(o.Manifest) == 0 {
		return nil
	}
	d := digest.FromBytes(o.Manifest)
	if err := c.store.Put(bytes.NewReader(o.Manifest), d); err != nil {
		return err
	}
	r.Manifests = append(slices.DeleteFunc(slices.Clone(r.Manifests), func(have digest.Digest) bool { return have == d }),
		d)
	return nil
}

// putBlobs remembers where an origin has the layers of an image.
func putBlobs(tx *state.Tx, diffs []digest.Digest, o *Origin) error {
	if o == nil || len(o.Blobs) != len(diffs) {
		return nil
	}
	for n, diff := range diffs {
		if o.Blobs[n].Digest == "" {
			continue
		}
		have, err := blobs().Get(tx, diff.String())
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsDataLoss(err) {
			return err
		}
		if err := blobs().Put(tx, diff.String(), seen(have, o.Blobs[n], o.Repository)); err != nil {
			return fmt.Errorf("layer %s: %w", diff, err)
		}
	}
	return nil
}

// seen returns the forms of a layer with b, seen in repository, moved to the front.
func seen(have []Blob, b Blob, repository string) []Blob {
	b.Repositories = []string{repository}
	var rest []Blob
	for _, h := range have {
		if h.Digest != b.Digest {
			rest = append(rest, h)
			continue
		}
		for _, r := range h.Repositories {
			if r != repository && len(b.Repositories) < maxRepositories {
				b.Repositories = append(b.Repositories, r)
			}
		}
	}
	all := append([]Blob{b}, rest...)
	return all[:min(len(all), maxBlobs)]
}

// leaveBlobs records the time for layers that no other image has when images are removed; c.change is held.
func (c *Catalog) leaveBlobs(tx *state.Tx, gone []digest.Digest) error {
	if len(gone) == 0 {
		return nil
	}
	kept := c.keptDiffs(gone)
	for _, id := range gone {
		for _, d := range c.rows[id].Diffs {
			if kept[d] {
				continue
			}
			have, err := blobs().Get(tx, d.String())
			if errdefs.IsNotFound(err) || errdefs.IsDataLoss(err) || err == nil && len(have) == 0 {
				continue
			}
			if err != nil {
				return err
			}
			have[0].Left = time.Now().UTC()
			if err := blobs().Put(tx, d.String(), have); err != nil {
				return err
			}
			c.left++
		}
	}
	if c.left < trimEvery {
		return nil
	}
	c.left = 0
	return trimBlobs(tx, kept, maxLeft)
}

// keptDiffs returns the layers of all images except those in gone.
func (c *Catalog) keptDiffs(gone []digest.Digest) map[digest.Digest]bool {
	kept := map[digest.Digest]bool{}
	for id, r := range c.rows {
		if !slices.Contains(gone, id) {
			for _, d := range r.Diffs {
				kept[d] = true
			}
		}
	}
	return kept
}

// trimBlobs forgets layers that no image has, except the latest few.
func trimBlobs(tx *state.Tx, kept map[digest.Digest]bool, latest int) error {
	type leaving struct {
		key string
		at  time.Time
	}
	var all []leaving
	err := blobs().Walk(tx, func(key string, list []Blob, bad error) error {
		if bad == nil && len(list) > 0 && !list[0].Left.IsZero() && !kept[digest.Digest(key)] {
			all = append(all, leaving{key, list[0].Left})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b leaving) int { return a.at.Compare(b.at) })
	for _, l := range all[:max(len(all)-latest, 0)] {
		if err := blobs().Delete(tx, l.key); err != nil {
			return err
		}
	}
	return nil
}

// deleteContent deletes the configuration and the manifests of a removed image, unless other images have them.
func (c *Catalog) deleteContent(id digest.Digest, r row) (err error) {
	kept := map[digest.Digest]bool{}
	c.mu.RLock()
	for _, other := range c.rows {
		for _, d := range other.Manifests {
			kept[d] = true
		}
	}
	elsewhere := c.elsewhere
	c.mu.RUnlock()
	for _, d := range append([]digest.Digest{id}, r.Manifests...) {
		if kept[d] || elsewhere[d] {
			continue
		}
		err = errors.Join(err, c.store.Delete(d))
	}
	return err
}
