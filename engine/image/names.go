package image

import (
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"

	"box/engine/reference"
	"box/engine/refuse"
)

// badReference says what is wrong with a name.
func badReference(err error) error {
	if errors.Is(err, reference.ErrCapitals) {
		err = fmt.Errorf("%w: %w", reference.ErrFormat, err)
	}
	return refuse.As(errdefs.ErrInvalidArgument, err, err.Error())
}

// Lookup is Resolve without reading the image's configuration.
func (c *Catalog) Lookup(ref string) (digest.Digest, error) { return c.find(ref) }

// find turns what users type into an image's ID: a whole ID, then a name, then the beginning of an ID that only one
// has.
func (c *Catalog) find(ref string) (digest.Digest, error) {
	named, id, err := reference.ParseAny(ref)
	if err != nil {
		return "", badReference(err)
	}
	if id != "" { // 64 digits, or those with their algorithm
		if _, ok := c.row(id); ok {
			return id, nil
		}
		return "", missing(ref)
	}
	full := fullName(named)
	if id, ok := c.named(full.String()); ok {
		return id, nil
	}
	if id, ok := c.byPrefix(ref); ok {
		return id, nil
	}
	return "", missing(full.Familiar())
}

// fullName is the name that the catalog has for what users type: a digest makes a tag beside it superfluous.
func fullName(named reference.Named) reference.Named {
	if named.Digest != "" {
		return named.WithDigest(named.Digest)
	}
	return named.OrLatest()
}

// byPrefix finds the one image whose ID begins so.
func (c *Catalog) byPrefix(ref string) (digest.Digest, bool) {
	p := strings.TrimPrefix(ref, "sha256:")
	if p == "" || strings.Trim(p, "0123456789abcdef") != "" {
		return "", false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found digest.Digest
	for id := range c.rows {
		if !strings.HasPrefix(id.Encoded(), p) {
			continue
		}
		if found != "" {
			return "", false
		}
		found = id
	}
	return found, found != ""
}

// Tag gives an image one more name, or takes the name from another, and returns the name as users type it.
func (c *Catalog) Tag(ref, repository, tag string) (*Image, string, error) {
	named, err := tagged(repository, tag)
	if err != nil {
		return nil, "", err
	}
	img, err := c.Resolve(ref)
	if err != nil {
		return nil, "", err
	}
	c.layering.Lock() // so that the image does not go meanwhile
	defer c.layering.Unlock()
	if _, ok := c.row(img.ID); !ok {
		return nil, "", missing(ref)
	}
	return img, named.Familiar(), c.add([]pending{{img: img, names: []string{named.String()}}}, nil)
}

// CheckName refuses what cannot be a name of an image.
func CheckName(repository, tag string) error {
	_, err := tagged(repository, tag)
	return err
}

// tagged is a name with its tag, both as the user gave them.
func tagged(repository, tag string) (reference.Named, error) {
	named, err := reference.Parse(repository)
	if err != nil {
		return named, badReference(err)
	}
	if named.Digest != "" {
		return named, refuse.Invalid("refusing to create a tag with a digest reference")
	}
	if tag != "" {
		if named, err = named.WithTag(tag); err != nil {
			return named, refuse.As(errdefs.ErrInvalidArgument, err, err.Error())
		}
	}
	return named.OrLatest(), nil
}

// Named tells whether an image is there under all of the names, in full.
func (c *Catalog) Named(id digest.Digest, names ...string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if _, ok := c.rows[id]; !ok {
		return false
	}
	for _, n := range names {
		if c.names[n] != id {
			return false
		}
	}
	return true
}
