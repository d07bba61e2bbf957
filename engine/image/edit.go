package image

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs"
)

// edit is one change of the catalog: new rows, and the layers that are committed and forgotten with them.
type edit struct {
	set     map[digest.Digest]row
	gone    []digest.Digest
	commits []fs.Commit
	forget  []string
	left    string                    // layer of a removed image that is still needed
	origins map[digest.Digest]*Origin // for rows in set
	owners  map[string]digest.Digest  // of names that this edit has moved
}

// apply makes a change in one transaction and then makes it visible; c.change is held. Configurations of new rows are
// already in the store.
func (c *Catalog) apply(e edit) error {
	err := c.db.Update(func(tx *state.Tx) error {
		if err := c.layers.Commit(tx.Layers(), e.commits...); err != nil {
			return err
		}
		for id, r := range e.set {
			if err := images().Put(tx, c.key(id), r); err != nil {
				return err
			}
			if err := putBlobs(tx, r.Diffs, e.origins[id]); err != nil {
				return err
			}
		}
		if err := c.leaveBlobs(tx, e.gone); err != nil {
			return err
		}
		for _, id := range e.gone {
			if err := images().Delete(tx, c.key(id)); err != nil {
				return err
			}
		}
		if e.left != "" {
			if err := leftovers().Put(tx, c.layers.Name()+"/"+e.left, struct{}{}); err != nil {
				return err
			}
		}
		return c.layers.Forget(tx.Layers(), e.forget...)
	})
	if err != nil {
		return fmt.Errorf("record images: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, r := range e.set {
		c.rows[id] = r
	}
	for _, id := range e.gone {
		delete(c.rows, id)
	}
	c.index()
	c.besides(e)
	return nil
}

// pending is an image to be added.
type pending struct {
	img    *Image
	size   int64
	names  []string      // full names
	origin *Origin       // nil for none
	parent digest.Digest // the image it was made from here, "" for none

	foreign *row // of the image in another driver, nil for none
}

// add makes images and names appear together with the layers committed for them. A name that pointed elsewhere moves.
func (c *Catalog) add(imgs []pending, commits []fs.Commit) error {
	for _, p := range imgs {
		if err := c.store.Put(bytes.NewReader(p.img.Raw), p.img.ID); err != nil {
			return err
		}
	}
	c.change.Lock()
	defer c.change.Unlock()
	e := edit{set: map[digest.Digest]row{}, commits: commits, origins: map[digest.Digest]*Origin{},
		owners: map[string]digest.Digest{}}
	for _, p := range imgs {
		r, ok := e.set[p.img.ID]
		if !ok {
			r, ok = c.row(p.img.ID)
		}
		if !ok {
			r = row{Driver: c.layers.Name(), Top: p.img.ChainID(), Size: p.size, Created: p.img.created(),
				Labels: p.img.Config.Config.Labels,
				Diffs:  p.img.Config.RootFS.DiffIDs, Parent: p.parent}
		}
		if p.foreign != nil {
			if err := c.join(&r, p); err != nil {
				return err
			}
		}
		if err := c.keepManifest(&r, p.origin); err != nil {
			return err
		}
		e.set[p.img.ID], e.origins[p.img.ID] = r, p.origin
		for _, n := range p.names {
			c.point(e, n, p.img.ID)
		}
		if p.foreign != nil { // it is not tagged now
			moved := e.set[p.img.ID]
			if moved.Tagged = r.Tagged; p.foreign.Tagged.After(r.Tagged) {
				moved.Tagged = p.foreign.Tagged
			}
			e.set[p.img.ID] = moved
		}
	}
	return c.apply(e)
}

// join adds to r what is known of the image under another driver; c.change is held. Names do not move.
func (c *Catalog) join(r *row, p pending) error {
	for _, n := range p.names {
		if id, ok := c.names[n]; ok && id != p.img.ID {
			return clash(n, p.img.ID, id)
		}
	}
	if r.Parent == "" {
		r.Parent = p.foreign.Parent
	}
	for _, d := range p.foreign.Manifests {
		if !slices.Contains(r.Manifests, d) {
			r.Manifests = append(slices.Clone(r.Manifests), d)
		}
	}
	return nil
}

// point moves the name n to the image id within an edit; c.change is held. An archive may have thousands of names, so
// it looks only at the row that has the name and the one that gets it.
func (c *Catalog) point(e edit, n string, id digest.Digest) {
	old, ok := e.owners[n]
	if !ok {
		old, ok = c.names[n]
	}
	if ok {
		r, there := e.set[old]
		if !there {
			r, _ = c.row(old)
		}
		r.Names = slices.DeleteFunc(slices.Clone(r.Names), func(have string) bool { return have == n })
		e.set[old] = r
	}
	r := e.set[id]
	r.Names, r.Tagged = append(r.Names, n), time.Now().UTC()
	e.set[id], e.owners[n] = r, id
}
