package image

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/refuse"
	"box/engine/state"
	"box/fs"
	"box/panics"
)

// Foreign is an image whose layers are in another driver of the data root.
type Foreign struct {
	ID    digest.Digest
	Names []string // as users type them, sorted
	row   row
}

// Top returns the chain ID of its top layer, "" for none.
func (f *Foreign) Top() string { return f.row.Top.String() }

// Foreign lists the images of another driver, by ID. A row that cannot be read is an error.
func (c *Catalog) Foreign(driver string) (list []Foreign, err error) {
	err = c.db.View(func(tx *state.Tx) error {
		return images().Walk(tx, func(key string, r row, bad error) error {
			id, mine := strings.CutPrefix(key, driver+"/")
			if !mine {
				return nil
			}
			list = append(list, Foreign{digest.Digest(id), familiar(r.Names), r})
			return bad
		})
	})
	return list, err
}

// Clash returns refuse.Conflict if another image has a name of f here.
func (c *Catalog) Clash(f Foreign) error {
	for _, n := range f.row.Names {
		if id, ok := c.named(n); ok && id != f.ID {
			return clash(n, f.ID, id)
		}
	}
	return nil
}

func clash(name string, coming, here digest.Digest) error {
	return refuse.Conflict("%s is the image %s here and %s there: remove or rename one of them first",
		familiar([]string{name})[0], short(here), short(coming))
}

// Adopt copies an image from another driver, which keeps it: layers, names, and what is known about registries. Each
// layer is read by its exact tar and checked. The image appears when all of it is on the disk; one that is here already
// gets the names. read is called with the bytes of layers as they are read.
func (c *Catalog) Adopt(ctx context.Context, from fs.Driver, f Foreign, read func(layer string, bytes int)) error {
	img, err := c.open(f.ID)
	if err != nil {
		return err
	}
	s := &stager{c: c}
	defer s.drop(context.WithoutCancel(ctx))
	layers, err := s.bring(ctx, from, img.ChainIDs(), read)
	if err != nil {
		return fmt.Errorf("image %s: %w", short(f.ID), err)
	}
	c.layering.Lock()
	defer c.layering.Unlock()
	_, err = s.commit(ctx, []plan{{img: img, layers: layers, names: f.row.Names, foreign: &f.row}})
	return err
}

// AdoptChain copies a layer that a container stands on and those below it, though no image may have them any more. The
// caller pins it before, and puts a layer on it: without one, the next Open deletes it again.
func (c *Catalog) AdoptChain(ctx context.Context, from fs.Driver, top string,
	read func(layer string, bytes int)) error {
	var chain []digest.Digest
	for name := top; name != ""; {
		info, err := from.Stat(ctx, name)
		if err != nil {
			return err
		}
		chain, name = append(chain, digest.Digest(name)), info.Parent
	}
	slices.Reverse(chain)
	s := &stager{c: c}
	defer s.drop(context.WithoutCancel(ctx))
	layers, err := s.bring(ctx, from, chain, read)
	if err != nil {
		return err
	}
	var commits []fs.Commit
	var keys []string
	below := ""
	for n, l := range layers {
		if l != nil {
			keys = append(keys, l.key)
			commits = append(commits, fs.Commit{Staged: l.key, Name: chain[n].String(), Parent: below, Size: l.size})
		}
		below = chain[n].String()
	}
	if len(commits) == 0 {
		return nil
	}
	if err := c.layers.Sync(ctx, keys...); err != nil {
		return fmt.Errorf("write layers to the disk: %w", err)
	}
	c.layering.Lock()
	defer c.layering.Unlock()
	c.change.Lock()
	defer c.change.Unlock()
	return c.apply(edit{commits: commits, left: top})
}

// PinChain keeps a layer and those below it, whether it is here yet or not, until unpin is called.
func (c *Catalog) PinChain(top string) (unpin func(context.Context)) {
	c.layering.Lock()
	defer c.layering.Unlock()
	return c.pinHeld([]digest.Digest{digest.Digest(top)})
}

// bring stages those layers of a chain that are missing here, read from another driver. The list has nil for the
// others.
func (s *stager) bring(ctx context.Context, from fs.Driver, chain []digest.Digest,
	read func(layer string, bytes int)) ([]*layer, error) {
	layers := make([]*layer, len(chain))
	var below digest.Digest // chain ID
	on := ""                // the same layer's name in the driver
	for n, name := range chain {
		if s.hold(ctx, name) {
			below, on = name, name.String()
			continue
		}
		l, err := s.copyLayer(ctx, from, name, on, read)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", n+1, err)
		}
		if err := checkChain(name, below, l.diff); err != nil {
			return nil, fmt.Errorf("layer %d in %s: %w", n+1, from.Name(), err)
		}
		layers[n], below, on = l, name, l.key
	}
	return layers, nil
}

// copyLayer stages a copy of another driver's layer.
func (s *stager) copyLayer(ctx context.Context, from fs.Driver, name digest.Digest, on string,
	read func(layer string, bytes int)) (*layer, error) {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(panics.Call(func() error {
			return from.Tar(ctx, name.String(), writeFunc(func(p []byte) (int, error) {
				n, err := w.Write(p)
				read(name.String(), n)
				return n, err
			}))
		}))
	}()
	defer func() { r.Close(); <-done }()
	if s.rebases() {
		on = ""
	}
	sum := digest.SHA256.Digester()
	l := &layer{}
	var err error
	if l.key, l.size, err = s.fill(ctx, on, io.TeeReader(until(ctx, r), sum.Hash())); err != nil {
		return nil, err
	}
	l.diff = sum.Digest()
	return l, nil
}

// checkChain checks the content of a layer by its name, which is a digest of what it and all below it contain.
func checkChain(name, below, diff digest.Digest) error {
	want := diff
	if below != "" {
		want = digest.FromString(below.String() + " " + diff.String())
	}
	if want != name {
		return fmt.Errorf("layer %s on the disk is not what it was: %w", name, errdefs.ErrDataLoss)
	}
	return nil
}

// Verify reads a committed layer here and checks its digest.
func (c *Catalog) Verify(ctx context.Context, name string) error {
	info, err := c.layers.Stat(ctx, name)
	if err != nil {
		return err
	}
	if info.State != fs.Committed {
		return fmt.Errorf("layer %s is no image's: %w", name, errdefs.ErrNotFound)
	}
	sum := digest.SHA256.Digester()
	err = c.layers.Tar(ctx, name, writeFunc(func(p []byte) (int, error) {
		return len(p), cmp.Or(ctx.Err(), second(sum.Hash().Write(p)))
	}))
	if err != nil {
		return err
	}
	return checkChain(digest.Digest(name), digest.Digest(info.Parent), sum.Digest())
}

func second(_ int, err error) error { return err }

// Forsake removes the rows of another driver's images in tx. Their layers are the caller's to remove.
func (c *Catalog) Forsake(tx *state.Tx, driver string) error {
	var keys, left []string
	err := images().Walk(tx, func(key string, _ row, _ error) error {
		if strings.HasPrefix(key, driver+"/") {
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = leftovers().Walk(tx, func(key string, _ struct{}, _ error) error {
		if strings.HasPrefix(key, driver+"/") {
			left = append(left, key)
		}
		return nil
	})
	for _, key := range keys {
		err = cmp.Or(err, images().Delete(tx, key))
	}
	for _, key := range left {
		err = cmp.Or(err, leftovers().Delete(tx, key))
	}
	tx.Layers().Committed(func() { c.forsaken(keys) })
	return err
}

// forsaken forgets the content of images that Forsake has removed, which images here may have too.
func (c *Catalog) forsaken(keys []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elsewhere = map[digest.Digest]bool{}
	_ = c.db.View(func(tx *state.Tx) error {
		return images().Walk(tx, func(key string, r row, _ error) error {
			if driver, id, _ := strings.Cut(key, "/"); driver != c.layers.Name() {
				for _, d := range append([]digest.Digest{digest.Digest(id)}, r.Manifests...) {
					c.elsewhere[d] = true
				}
			}
			return nil
		})
	})
	for _, key := range keys {
		driver, id, _ := strings.Cut(key, "/")
		_ = c.store.disk.Remove(c.store.rowPath(driver, digest.Digest(id)))
	}
}
