package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"box/engine/state"
	"box/fs"
)

// row is an image as the state file keeps it: by driver, since its layers are.
type row struct {
	Raw    []byte
	Size   int64    // bytes of file content of all its layers
	Names  []string // name:tag and name@digest, in full
	Driver string
}

var imageTable = state.Table[row]{Name: "images"}

// Catalog is every image of one data root and driver. It may be used from any goroutine.
type Catalog struct {
	db     *state.DB
	layers fs.Driver

	mu     sync.RWMutex
	images map[digest.Digest]*listed
	names  map[string]digest.Digest // in full, as docker.io/library/busybox:latest
	change sync.Mutex               // one load, tag or removal of rows at a time
}

type listed struct {
	*Image
	size  int64
	names []string
}

// Listed is an image with what the catalog knows of it.
type Listed struct {
	*Image
	Size  int64
	Names []string // as users type them, sorted
}

// classed is an error with Docker's text and a class.
type classed struct {
	class error
	text  string
}

func (e *classed) Error() string { return e.text }
func (e *classed) Unwrap() error { return e.class }

// OpenCatalog reads the images whose layers are in the driver; those of other drivers are left alone.
func OpenCatalog(_ context.Context, _ string, db *state.DB, layers fs.Driver) (*Catalog, error) {
	c := &Catalog{db: db, layers: layers, images: map[digest.Digest]*listed{}, names: map[string]digest.Digest{}}
	err := db.View(func(tx *state.Tx) error {
		return imageTable.Walk(tx, func(key string, r row, bad error) error {
			if bad != nil || r.Driver != layers.Name() {
				return nil
			}
			img, err := Parse(slices.Clone(r.Raw))
			if err != nil || key != c.key(img.ID) {
				return nil // damaged: its layers stay until it is loaded again
			}
			c.images[img.ID] = &listed{Image: img, size: r.Size, names: r.Names}
			for _, n := range r.Names {
				c.names[n] = img.ID
			}
			return nil
		})
	})
	return c, err
}

func (c *Catalog) key(id digest.Digest) string { return c.layers.Name() + "/" + id.String() }

// Resolve finds an image by name, name:tag, name@digest, ID, or a prefix of the ID that only one has.
func (c *Catalog) Resolve(ref string) (*Image, error) {
	l, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return l.Image, nil
}

// Find is Resolve with what the catalog knows of the image.
func (c *Catalog) Find(ref string) (Listed, error) {
	l, err := c.find(ref)
	if err != nil {
		return Listed{}, err
	}
	return Listed{Image: l.Image, Size: l.size, Names: familiar(l.names)}, nil
}

func (c *Catalog) find(ref string) (*listed, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if l := c.images[digest.Digest(ref)]; l != nil {
		return l, nil
	}
	named, err := reference.ParseAnyReference(ref)
	if err != nil {
		return nil, &classed{errdefs.ErrInvalidArgument, "invalid reference format"}
	}
	text := ref
	if n, ok := named.(reference.Named); ok {
		n = reference.TagNameOnly(n)
		if id, ok := c.names[n.String()]; ok {
			return c.images[id], nil
		}
		text = reference.FamiliarString(n)
	}
	if l := c.byPrefix(strings.TrimPrefix(ref, "sha256:")); l != nil {
		return l, nil
	}
	return nil, &classed{errdefs.ErrNotFound, "No such image: " + text}
}

// byPrefix finds the one image whose ID begins so; c.mu is held.
func (c *Catalog) byPrefix(p string) *listed {
	if len(p) < 1 || strings.Trim(p, "0123456789abcdef") != "" {
		return nil
	}
	var found *listed
	for id, l := range c.images {
		if strings.HasPrefix(id.Encoded(), p) {
			if found != nil {
				return nil
			}
			found = l
		}
	}
	return found
}

// List is every image, the newest first.
func (c *Catalog) List() []Listed {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var list []Listed
	for _, l := range c.images {
		list = append(list, Listed{Image: l.Image, Size: l.size, Names: familiar(l.names)})
	}
	slices.SortFunc(list, func(a, b Listed) int {
		if n := created(b).Compare(created(a)); n != 0 {
			return n
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	return list
}

// familiar brings names into the form that users type.
func familiar(names []string) []string {
	var out []string
	for _, n := range names {
		if r, err := reference.ParseNormalizedNamed(n); err == nil {
			out = append(out, reference.FamiliarString(r))
		}
	}
	slices.Sort(out)
	return out
}

// add makes images and names in one transaction: commits are the layers that come with them. A name that pointed elsewhere
// points here from now on.
func (c *Catalog) add(imgs []pending, commits []fs.Commit) error {
	c.change.Lock()
	defer c.change.Unlock()
	next := map[digest.Digest]*listed{}
	get := func(id digest.Digest) *listed {
		if next[id] == nil {
			c.mu.RLock()
			if have := c.images[id]; have != nil {
				next[id] = &listed{Image: have.Image, size: have.size, names: slices.Clone(have.names)}
			}
			c.mu.RUnlock()
		}
		return next[id]
	}
	for _, p := range imgs {
		if get(p.img.ID) == nil {
			next[p.img.ID] = &listed{Image: p.img, size: p.size}
		}
		for _, n := range p.names {
			if old, ok := c.names[n]; ok && old != p.img.ID {
				l := get(old)
				l.names = slices.DeleteFunc(l.names, func(have string) bool { return have == n })
			}
			for _, l := range next {
				l.names = slices.DeleteFunc(l.names, func(have string) bool { return have == n })
			}
			next[p.img.ID].names = append(next[p.img.ID].names, n)
		}
	}
	return c.store(next, nil, commits, nil)
}

// store writes changed and removed images, with layers that are committed and forgotten, in one transaction, and then
// shows them; c.change is held.
func (c *Catalog) store(changed map[digest.Digest]*listed, removed []digest.Digest, commits []fs.Commit, forgotten []string) error {
	err := c.db.Update(func(tx *state.Tx) error {
		if err := c.layers.Commit(tx.Bolt(), commits...); err != nil {
			return err
		}
		for id, l := range changed {
			r := row{Raw: l.Raw, Size: l.size, Names: l.names, Driver: c.layers.Name()}
			if err := imageTable.Put(tx, c.key(id), r); err != nil {
				return err
			}
		}
		for _, id := range removed {
			if err := imageTable.Delete(tx, c.key(id)); err != nil {
				return err
			}
		}
		return c.layers.Forget(tx.Bolt(), forgotten...)
	})
	if err != nil {
		return fmt.Errorf("record images: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, l := range changed {
		c.images[id] = l
	}
	for _, id := range removed {
		delete(c.images, id)
	}
	clear(c.names)
	for id, l := range c.images {
		for _, n := range l.names {
			c.names[n] = id
		}
	}
	return nil
}

// Tag gives an image one more name.
func (c *Catalog) Tag(ref, repository, tag string) (*Image, error) {
	l, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	named, err := reference.ParseNormalizedNamed(repository)
	if err == nil && tag != "" {
		named, err = reference.WithTag(reference.TrimNamed(named), tag)
	}
	if err != nil {
		return nil, &classed{errdefs.ErrInvalidArgument, "invalid reference format"}
	}
	if _, isDigest := named.(reference.Digested); isDigest {
		return nil, &classed{errdefs.ErrInvalidArgument, "refusing to create a tag with a digest reference"}
	}
	return l.Image, c.add([]pending{{img: l.Image, size: l.size, names: []string{reference.TagNameOnly(named).String()}}}, nil)
}

// Untagged and deleted tell what a removal did.
type Removed struct {
	Untagged []string // as users type them
	Deleted  []string // IDs of images and chain IDs of layers, from the image down
	Image    *Image
}

// Remove takes a name away from an image, and the image with its layers when it was the last or ref is its ID. users tells
// which container uses an image and whether it runs, "" for none.
func (c *Catalog) Remove(ctx context.Context, ref string, force bool, users func(id string) (container string, running bool)) (Removed, error) {
	c.change.Lock()
	defer c.change.Unlock()
	l, err := c.find(ref)
	if err != nil {
		return Removed{}, err
	}
	r := Removed{Image: l.Image}
	byName := c.nameOf(ref, l)
	if byName != "" && len(l.names) > 1 {
		r.Untagged = familiar([]string{byName})
		kept := slices.DeleteFunc(slices.Clone(l.names), func(n string) bool { return n == byName })
		return r, c.store(map[digest.Digest]*listed{l.ID: {Image: l.Image, size: l.size, names: kept}}, nil, nil, nil)
	}
	if byName == "" && len(l.names) > 1 && !force {
		return r, &classed{errdefs.ErrConflict, fmt.Sprintf(
			"conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories", short(l.ID))}
	}
	if err := refusal(ref, byName, l, force, users); err != nil {
		return r, err
	}
	if user, _ := users(l.ID.String()); user != "" { // forced: the names go, the image stays with its container
		r.Untagged = familiar(l.names)
		return r, c.store(map[digest.Digest]*listed{l.ID: {Image: l.Image, size: l.size}}, nil, nil, nil)
	}
	r.Untagged = familiar(l.names)
	gone := c.unshared(l)
	if err := c.store(nil, []digest.Digest{l.ID}, nil, gone); err != nil {
		return r, err
	}
	r.Deleted = append([]string{l.ID.String()}, gone...)
	for _, name := range gone {
		err = errors.Join(err, c.layers.Remove(ctx, name))
	}
	return r, err
}

// nameOf is the name of l that ref is, "" when ref is an ID.
func (c *Catalog) nameOf(ref string, l *listed) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	if n := reference.TagNameOnly(named).String(); slices.Contains(l.names, n) {
		return n
	}
	return ""
}

// refusal is why an image cannot go: a container that uses it.
func refusal(ref, byName string, l *listed, force bool, users func(string) (string, bool)) error {
	user, running := users(l.ID.String())
	switch {
	case user == "":
		return nil
	case running && (byName == "" || !force):
		if byName != "" {
			return &classed{errdefs.ErrConflict, fmt.Sprintf(
				"conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s", ref, user, short(l.ID))}
		}
		return &classed{errdefs.ErrConflict, fmt.Sprintf(
			"conflict: unable to delete %s (cannot be forced) - image is being used by running container %s", short(l.ID), user)}
	case force:
		return nil
	case byName != "":
		return &classed{errdefs.ErrConflict, fmt.Sprintf(
			"conflict: unable to remove repository reference %q (must force) - container %s is using its referenced image %s", ref, user, short(l.ID))}
	}
	return &classed{errdefs.ErrConflict, fmt.Sprintf(
		"conflict: unable to delete %s (must be forced) - image is being used by stopped container %s", short(l.ID), user)}
}

// unshared are the chain IDs of l that no other image stands on, from the top down; c.change is held.
func (c *Catalog) unshared(l *listed) []string {
	used := map[digest.Digest]bool{}
	for id, other := range c.images {
		if id == l.ID {
			continue
		}
		for _, chain := range other.ChainIDs() {
			used[chain] = true
		}
	}
	var gone []string
	for _, chain := range slices.Backward(l.ChainIDs()) {
		if !used[chain] {
			gone = append(gone, chain.String())
		}
	}
	return gone
}

func short(id digest.Digest) string { return id.Encoded()[:12] }
