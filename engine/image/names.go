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

// badReference converts an error of the reference package into Docker's.
func badReference(err error) error {
	if errors.Is(err, reference.ErrCapitals) {
		err = fmt.Errorf("%w: %w", reference.ErrFormat, err)
	}
	return refuse.As(errdefs.ErrInvalidArgument, err, err.Error())
}

// Lookup is Resolve without reading the image's configuration.
func (c *Catalog) Lookup(ref string) (digest.Digest, error) { return c.find(ref) }

// find resolves what users type to an image's ID: first as a whole ID, then as a name, then as an unambiguous prefix
// of an ID.
func (c *Catalog) find(ref string) (digest.Digest, error) {
	named, id, err := reference.ParseAny(ref)
	if err != nil {
		return "", badReference(err)
	}
	if id != "" { // 64 digits, with or without the algorithm
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

// fullName returns the catalog's form of a name: a digest makes a tag redundant.
func fullName(named reference.Named) reference.Named {
	if named.Digest != "" {
		return named.WithDigest(named.Digest)
	}
	return named.OrLatest()
}

// byPrefix finds the only image whose ID begins with ref.
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

// Tag gives an image one more name, moving it from another image if need be, and returns the name as users type it.
func (c *Catalog) Tag(ref, repository, tag string) (*Image, string, error) {
	named, err := tagged(repository, tag)
	if err != nil {
		return nil, "", err
	}
	img, err := c.Resolve(ref)
	if err != nil {
		return nil, "", err
	}
	c.layering.Lock() // so that the image is not removed meanwhile
	defer c.layering.Unlock()
	if _, ok := c.row(img.ID); !ok {
		return nil, "", missing(ref)
	}
	return img, named.Familiar(), c.add([]pending{{img: img, names: []string{named.String()}}}, nil)
}

// CheckName refuses what cannot be the name of an image.
func CheckName(repository, tag string) error {
	_, err := tagged(repository, tag)
	return err
}

// tagged combines a repository and a tag, both as the user typed them, into a full name.
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

// Named reports whether an image exists and has all of these full names.
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
