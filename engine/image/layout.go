package image

import (
	"encoding/json"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// entry is one image of manifest.json.
type entry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// maxDepth is how many indexes may be inside one another.
const maxDepth = 4

// manifest reads what the archive says of itself: manifest.json, or the OCI index where there is none.
func (a *archived) manifest() ([]entry, error) {
	raw, ok := a.small[a.follow("manifest.json")]
	if ok {
		var list []entry
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("manifest.json in the archive: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		return list, nil
	}
	if raw, ok = a.small[a.follow("index.json")]; !ok {
		return nil, fmt.Errorf("archive holds neither manifest.json nor index.json: it is not of images: %w", errdefs.ErrInvalidArgument)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("index.json in the archive: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	return a.index(index, nil, maxDepth)
}

// index reads the images of an OCI index (image-spec, image-index.md), those of indexes in it included. Inside an index names are
// those of the entry that led there.
func (a *archived) index(index ocispec.Index, names []string, depth int) ([]entry, error) {
	var list []entry
	for _, d := range index.Manifests {
		own := names
		if n := d.Annotations["io.containerd.image.name"]; n != "" {
			own = []string{n}
		}
		if d.Platform != nil && d.Platform.OS != "" && d.Platform.OS != "linux" {
			continue // another platform's, or what a builder attests of one ("unknown")
		}
		more, err := a.described(d, own, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

// described reads what one descriptor of an index points at.
func (a *archived) described(d ocispec.Descriptor, names []string, depth int) ([]entry, error) {
	raw, err := a.blob(d.Digest)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var m struct {
		ocispec.Manifest
		Manifests []ocispec.Descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("manifest %s in the archive: %w: %w", d.Digest, err, errdefs.ErrInvalidArgument)
	}
	if len(m.Manifests) > 0 {
		if depth == 0 {
			return nil, fmt.Errorf("index %s in the archive is nested too deep: %w", d.Digest, errdefs.ErrInvalidArgument)
		}
		return a.index(ocispec.Index{Manifests: m.Manifests}, names, depth-1)
	}
	e := entry{RepoTags: names}
	if e.Config, err = blobPath(m.Config.Digest); err != nil {
		return nil, fmt.Errorf("configuration in manifest %s: %w", d.Digest, err)
	}
	for _, l := range m.Layers {
		p, err := blobPath(l.Digest)
		if err != nil {
			return nil, fmt.Errorf("layer in manifest %s: %w", d.Digest, err)
		}
		e.Layers = append(e.Layers, p)
	}
	return []entry{e}, nil
}

// blobPath is where a layout keeps content (image-spec, image-layout.md, "Blobs").
func blobPath(d digest.Digest) (string, error) {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return "", fmt.Errorf("digest %q: %w", d, errdefs.ErrInvalidArgument)
	}
	return "blobs/sha256/" + d.Encoded(), nil
}

func (a *archived) blob(d digest.Digest) ([]byte, error) {
	p, err := blobPath(d)
	if err != nil {
		return nil, err
	}
	raw, ok := a.small[a.follow(p)]
	if !ok {
		return nil, fmt.Errorf("%s is not in the archive: %w", p, errdefs.ErrInvalidArgument)
	}
	return raw, nil
}
