package image

import (
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// layout collects the images of an archive that is an OCI layout.
type layout struct {
	a     *archived
	files map[digest.Digest]*layoutFile
	seen  int // descriptors so far, counted each time that an index names one
	found []candidate
	other error // why something is not a candidate
}

// candidate is an image that an index leads to. Candidates with the same name, or without a name in the same index,
// are one image for several platforms.
type candidate struct {
	name     string // full name, "" for none
	in       string // the index that lists it
	manifest digest.Digest
	file     *layoutFile // nil if the archive lacks it: some tools leave other platforms out
	platform ocispec.Platform
}

// walk collects the images of an index and of the indexes inside it. Images inside an index inherit the name of the
// entry that led there.
func (l *layout) walk(index *layoutFile, at candidate, depth int) error {
	for _, d := range index.Manifests {
		if l.seen++; l.seen > maxImages {
			return fmt.Errorf("it leads to more than %d images: %w", maxImages, errdefs.ErrOutOfRange)
		}
		if d.isAbout() {
			continue
		}
		c := candidate{name: at.name, in: at.in, manifest: d.Digest}
		if n := d.name(); n != "" {
			c.name = n
		}
		var err error
		if c.file, err = l.file(d.Digest); err != nil {
			return err
		}
		if c.file != nil && len(c.file.Manifests) > 0 {
			if depth == 0 {
				return fmt.Errorf("index %s is nested too deep: %w", d.Digest, errdefs.ErrInvalidArgument)
			}
			c.in = d.Digest.String()
			if err := l.walk(c.file, c, depth-1); err != nil {
				return err
			}
			continue
		}
		l.add(c, d)
	}
	return nil
}

// file reads a manifest or an index, once. It returns nil without an error if the archive does not have it.
func (l *layout) file(d digest.Digest) (*layoutFile, error) {
	if f, ok := l.files[d]; ok {
		return f, nil
	}
	p, err := blobPath(d)
	if err != nil {
		return nil, err
	}
	raw, ok := l.a.small[l.a.follow(p)]
	if !ok {
		return nil, nil
	}
	f, err := readLayoutFile(raw)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d, err)
	}
	l.files[d] = f
	return f, nil
}

// add records a candidate. Its platform comes from its configuration if the index does not say.
func (l *layout) add(c candidate, d descriptor) {
	if c.file != nil {
		switch kind := c.file.Config.MediaType; kind {
		case "", ocispec.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json", "application/octet-stream":
		default:
			l.other = fmt.Errorf("manifest %s is of no image but of %q: %w", c.manifest, kind, errdefs.ErrInvalidArgument)
			return
		}
	}
	if p := d.platform(); p != nil {
		c.platform = *p
	} else if c.file != nil {
		if p, err := blobPath(c.file.Config.Digest); err == nil {
			if img, err := l.a.config(p); err == nil {
				c.platform = img.Platform()
			}
		}
	}
	if os := c.platform.OS; os != "" && os != "linux" {
		l.other = fmt.Errorf("image of manifest %s is for %s and cannot be used on linux: %w", c.manifest, os,
			errdefs.ErrInvalidArgument)
		return
	}
	l.found = append(l.found, c)
}

// choose returns the images for a platform. Each keeps the name that it shares with those for other platforms.
func (l *layout) choose(want ocispec.Platform) ([]entry, error) {
	var list []entry
	groups := map[[2]string][]candidate{}
	var order [][2]string
	for _, c := range l.found {
		key := [2]string{c.name}
		if c.name == "" {
			key[1] = c.in
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], c)
	}
	for _, key := range order {
		fit, err := fitting(groups[key], want)
		if err != nil {
			l.other = err
			continue
		}
		for _, c := range fit {
			e, err := c.entry()
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		return nil, l.other
	}
	return list, nil
}

// fitting returns the members of a group that suit a platform best. If none suits and all are for one other platform,
// it returns them.
func fitting(group []candidate, want ocispec.Platform) (fit []candidate, err error) {
	var platforms []string
	most := -1
	for _, c := range group {
		if c.file == nil {
			err = fmt.Errorf("manifest %s is not in the archive: %w", c.manifest, errdefs.ErrInvalidArgument)
			continue
		}
		if p := PlatformString(normal(c.platform)); !slices.Contains(platforms, p) {
			platforms = append(platforms, p)
		}
		switch suits := Suits(want, c.platform); {
		case suits > most:
			most, fit = suits, []candidate{c}
		case suits == most:
			fit = append(fit, c)
		}
	}
	if len(fit) > 0 && most == 0 && len(platforms) > 1 {
		return nil, fmt.Errorf("no matching manifest for %s in the manifest list entries: there are %s: %w",
			PlatformString(want),
			strings.Join(platforms[:min(len(platforms), 20)], ", "), errdefs.ErrNotFound)
	}
	if len(fit) > 0 {
		err = nil
	}
	return fit, err
}

// entry converts a candidate into an entry of manifest.json.
func (c candidate) entry() (e entry, err error) {
	if c.name != "" {
		e.RepoTags = []string{c.name}
	}
	if e.Config, err = blobPath(c.file.Config.Digest); err != nil {
		return e, fmt.Errorf("configuration in manifest %s: %w", c.manifest, err)
	}
	for _, d := range c.file.Layers {
		p, err := blobPath(d.Digest)
		if err != nil {
			return e, fmt.Errorf("layer in manifest %s: %w", c.manifest, err)
		}
		e.Layers = append(e.Layers, p)
	}
	return e, nil
}

// blobPath returns where a layout keeps content (image-spec, image-layout.md, "Blobs").
func blobPath(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return "", fmt.Errorf("digest %q: %w", d, errdefs.ErrInvalidArgument)
	}
	return blobName(d), nil
}

// parsed is a configuration, or the error of reading it.
type parsed struct {
	img *Image
	err error
}

// config reads a configuration of the archive, once for all images that have it.
func (a *archived) config(name string) (*Image, error) {
	name = a.follow(name)
	if p, ok := a.configs[name]; ok {
		return p.img, p.err
	}
	p := parsed{err: fmt.Errorf("it is not in the archive: %w", errdefs.ErrInvalidArgument)}
	if raw, ok := a.small[name]; ok {
		p.img, p.err = Parse(raw)
	}
	a.configs[name] = p
	return p.img, p.err
}
