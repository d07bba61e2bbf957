package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"box/engine/reference"
	"box/engine/refuse"
	"box/engine/state"
	"box/fs"
	"box/fs/disk"
)

// row is an image as the state file keeps it, one per driver, since layers belong to a driver. The store holds its
// configuration.
type row struct {
	Driver  string
	Top     digest.Digest // chain ID of the top layer, "" for none
	Size    int64         // bytes of file content of all its layers
	Names   []string      // name:tag and name@digest, full names
	Created time.Time
	Tagged  time.Time // when it last got a name
	Labels  map[string]string

	Diffs     []digest.Digest // content of its layers, the lowest first
	Manifests []digest.Digest // manifests in the store under which registries have it, the latest last
	Parent    digest.Digest   `json:",omitempty"` // the image it was made from here
}

func images() state.Table[row] { return state.Table[row]{Name: "images"} }

// Catalog holds every image of one data root and driver. It may be used from any goroutine.
type Catalog struct {
	db     *state.DB
	layers fs.Driver
	ids    fs.IDMaps // of new layers
	store  *Store

	mu    sync.RWMutex
	rows  map[digest.Digest]row
	names map[string]digest.Digest // by full name, such as docker.io/library/busybox:latest

	change   sync.Mutex // serializes changes of rows
	left     int        // layers left by images since the table of blobs was trimmed; guarded by change
	layering sync.Mutex // serializes changes to the set of layers; taken before change

	elsewhere map[digest.Digest]bool // content that images of other drivers have

	faults []string // see Faults

	pins map[digest.Digest]int // top layers kept for users other than images; guarded by layering
}

// Listed is an image together with what the catalog knows about it.
type Listed struct {
	*Image
	Size   int64     // bytes of file content of all its layers
	Names  []string  // as users type them, sorted
	Tagged time.Time // when it last got a name, zero for never
}

// Summary is what the catalog knows about an image without reading its configuration.
type Summary struct {
	ID      digest.Digest
	Size    int64
	Names   []string // as users type them, sorted
	Created time.Time
	Labels  map[string]string
	Parent  digest.Digest // the image it was made from here, "" for none
}

// OpenCatalog opens the images below root whose layers are in the driver, and leaves those of other drivers alone. It
// deletes content that no image has. ids maps the owners of files in new layers.
func OpenCatalog(ctx context.Context, root string, db *state.DB, layers fs.Driver, d *disk.Disk,
	ids fs.IDMaps) (*Catalog, error) {
	store, err := OpenStore(filepath.Join(root, "content"), d)
	if err != nil {
		return nil, err
	}
	c := &Catalog{db: db, layers: layers, ids: ids, store: store, rows: map[digest.Digest]row{},
		names:     map[string]digest.Digest{},
		elsewhere: map[digest.Digest]bool{}, pins: map[digest.Digest]int{}, left: trimEvery - 1}
	kept := map[digest.Digest]bool{}
	err = db.View(func(tx *state.Tx) error {
		return images().Walk(tx, func(key string, r row, bad error) error {
			driver, id, _ := strings.Cut(key, "/")
			content := append([]digest.Digest{digest.Digest(id)}, r.Manifests...)
			for _, d := range content {
				kept[d] = true // also for a damaged row, until the image is loaded again
				c.elsewhere[d] = c.elsewhere[d] || driver != layers.Name()
			}
			if bad != nil {
				c.faults = append(c.faults, fmt.Sprintf("image %s is left out, its row cannot be read: %v", id, bad))
			} else if driver == layers.Name() {
				c.rows[digest.Digest(id)] = r
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read images: %w", err)
	}
	c.index()
	if err := errors.Join(c.lookAt(kept), c.releaseLeftovers(ctx)); err != nil {
		return nil, err
	}
	return c, store.Walk(func(d digest.Digest) error {
		if kept[d] {
			return nil
		}
		return store.Delete(d)
	})
}

// index rebuilds the table of names; c.mu is held, or c is not shared yet.
func (c *Catalog) index() {
	clear(c.names)
	for id, r := range c.rows {
		for _, n := range r.Names {
			c.names[n] = id
		}
	}
}

func (c *Catalog) key(id digest.Digest) string { return c.layers.Name() + "/" + id.String() }

// row returns an image's row, and whether there is one.
func (c *Catalog) row(id digest.Digest) (row, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	r, ok := c.rows[id]
	return r, ok
}

// open reads an image's configuration.
func (c *Catalog) open(id digest.Digest) (*Image, error) {
	raw, err := c.store.read(id)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", id, err)
	}
	return Parse(raw)
}

// Resolve finds an image by name, name:tag, name@digest, ID, or an unambiguous prefix of the ID.
func (c *Catalog) Resolve(ref string) (*Image, error) {
	id, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return c.open(id)
}

// Find is Resolve that also returns what the catalog knows about the image.
func (c *Catalog) Find(ref string) (Listed, error) {
	id, err := c.find(ref)
	if err != nil {
		return Listed{}, err
	}
	img, err := c.open(id)
	if err != nil {
		return Listed{}, err
	}
	r, _ := c.row(id)
	return Listed{Image: img, Size: r.Size, Names: familiar(r.Names), Tagged: r.Tagged}, nil
}

// List returns all images, the newest first.
func (c *Catalog) List() []Summary {
	c.mu.RLock()
	defer c.mu.RUnlock()
	list := make([]Summary, 0, len(c.rows))
	for id, r := range c.rows {
		list = append(list, Summary{ID: id, Size: r.Size, Names: familiar(r.Names), Created: r.Created, Labels: r.Labels,
			Parent: r.Parent})
	}
	slices.SortFunc(list, func(a, b Summary) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// familiar converts names into the form that users type, and sorts them.
func familiar(names []string) []string {
	var out []string
	for _, n := range names {
		if r, err := reference.Parse(n); err == nil {
			out = append(out, r.Familiar())
		}
	}
	slices.Sort(out)
	return out
}

// named returns the image that a full name points at.
func (c *Catalog) named(full string) (digest.Digest, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.names[full]
	return id, ok
}

// missing is Docker's error for an unknown image.
func missing(ref string) error { return refuse.NotFound("No such image: %s", ref) }
