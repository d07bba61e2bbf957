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

// row is an image as the state file keeps it: by driver, since its layers are. Its configuration is in the store.
type row struct {
	Driver  string
	Top     digest.Digest // chain ID of the top layer, "" for none
	Size    int64         // bytes of file content of all its layers
	Names   []string      // name:tag and name@digest, in full
	Created time.Time
	Tagged  time.Time // when it last got a name
	Labels  map[string]string

	Diffs     []digest.Digest // content of its layers, the lowest first
	Manifests []digest.Digest // under which registries have it, in the store; the latest last
	Parent    digest.Digest   `json:",omitempty"` // what it was made of here
}

func images() state.Table[row] { return state.Table[row]{Name: "images"} }

// Catalog is every image of one data root and driver. It may be used from any goroutine.
type Catalog struct {
	db     *state.DB
	layers fs.Driver
	ids    fs.IDMaps // of new layers
	store  *Store

	mu    sync.RWMutex
	rows  map[digest.Digest]row
	names map[string]digest.Digest // in full, as docker.io/library/busybox:latest

	change   sync.Mutex // one change of rows at a time
	left     int        // layers that images have left since the table of blobs was trimmed; guarded by change
	layering sync.Mutex // one change of which layers there are at a time; taken before change

	elsewhere map[digest.Digest]bool // content that images of other drivers have

	faults []string // what was found when it was opened

	pins map[digest.Digest]int // top layers that stay although their image goes; guarded by layering
}

// Listed is an image with what the catalog knows of it.
type Listed struct {
	*Image
	Size   int64     // bytes of file content of all its layers
	Names  []string  // as users type them, sorted
	Tagged time.Time // when it last got a name, zero for never
}

// Summary is what the catalog knows of an image without reading its configuration.
type Summary struct {
	ID      digest.Digest
	Size    int64
	Names   []string // as users type them, sorted
	Created time.Time
	Labels  map[string]string
	Parent  digest.Digest // what it was made of here, "" for nothing
}

// OpenCatalog opens the images below root whose layers are in the driver; those of other drivers are left alone.
// Content that no image has is deleted. The files of layers get their owners by ids.
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
				kept[d] = true // also of a damaged row, until the image is loaded again
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

// index rebuilds the table of names; c.mu is held, or nobody knows of c yet.
func (c *Catalog) index() {
	clear(c.names)
	for id, r := range c.rows {
		for _, n := range r.Names {
			c.names[n] = id
		}
	}
}

func (c *Catalog) key(id digest.Digest) string { return c.layers.Name() + "/" + id.String() }

// row is one image's row; ok is false when there is none.
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

// Resolve finds an image by name, name:tag, name@digest, ID, or a prefix of the ID that only one has.
func (c *Catalog) Resolve(ref string) (*Image, error) {
	id, err := c.find(ref)
	if err != nil {
		return nil, err
	}
	return c.open(id)
}

// Find is Resolve with what the catalog knows of the image.
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

// List is every image, the newest first.
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

// familiar brings names into the form that users type.
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

// named tells which image a full name points at.
func (c *Catalog) named(full string) (digest.Digest, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.names[full]
	return id, ok
}

// missing is Docker's error for an image that is not there.
func missing(ref string) error { return refuse.NotFound("No such image: %s", ref) }
