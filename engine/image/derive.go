package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// emptyLayer is the digest of an empty tar: two blocks of zeros. Docker makes no layer from it.
const emptyLayer = digest.Digest("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")

// Step describes how an image changes with one more layer: its new configuration and the line of its history.
type Step struct {
	Config     dockerspec.DockerOCIImageConfig
	Platform   *ocispec.Platform // for an image without a parent; nil for this host's
	Created    time.Time
	CreatedBy  string
	Author     string
	Comment    string
	Repository string // with Tag, the image's new name; "" for none
	Tag        string
}

// Derive adds an image that is parent plus one layer, read to its end from a tar, plain or compressed. If parent is
// nil, the layer is the lowest. An empty tar adds no layer. The image, its layer and its name appear together and are
// durable; after an error nothing is left. The returned name, as users type it, is "" if the step has none.
func (c *Catalog) Derive(ctx context.Context, parent *Image, tar io.Reader, step Step) (img *Image, name string,
	err error) {
	var names []string
	if step.Repository != "" {
		named, err := tagged(step.Repository, step.Tag)
		if err != nil {
			return nil, "", err
		}
		names, name = []string{named.String()}, named.Familiar()
	}
	s := &stager{c: c}
	defer s.drop(context.WithoutCancel(ctx))
	l, err := s.unpack(ctx, tar)
	if errdefs.IsInvalidArgument(err) {
		return nil, "", fmt.Errorf("read layer: %w", err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("layer: %w", err) // not invalid input: the failure is ours
	}
	if img, err = derived(parent, l.diff, step); err != nil {
		return nil, "", err
	}
	p := plan{img: img, layers: make([]*layer, len(img.Config.RootFS.DiffIDs)), names: names}
	if parent != nil {
		p.parent = parent.ID
	}
	if l.diff != emptyLayer {
		p.layers[len(p.layers)-1] = l
	}
	c.layering.Lock()
	defer c.layering.Unlock()
	if err := c.standsOn(ctx, parent); err != nil {
		return nil, "", err
	}
	if _, err := s.commit(ctx, []plan{p}); err != nil {
		return nil, "", err
	}
	return img, name, nil
}

// Parent returns the image that this one was made from here, "" for none. That image may have been removed.
func (c *Catalog) Parent(id digest.Digest) digest.Digest {
	r, _ := c.row(id)
	return r.Parent
}

// standsOn returns an error unless all layers of parent exist; c.layering is held.
func (c *Catalog) standsOn(ctx context.Context, parent *Image) error {
	if parent == nil {
		return nil
	}
	for _, chain := range parent.ChainIDs() {
		if _, err := c.layers.Stat(ctx, chain.String()); err != nil {
			return fmt.Errorf("image %s: %w", short(parent.ID), err)
		}
	}
	return nil
}

// derived makes the image that results from applying a step to parent.
func derived(parent *Image, diff digest.Digest, step Step) (*Image, error) {
	created := step.Created.UTC()
	var c Config
	if parent != nil {
		c = parent.Config
	} else {
		on := HostPlatform()
		if step.Platform != nil {
			on = *step.Platform
		}
		c.Architecture, c.OS, c.OSVersion, c.Variant = on.Architecture, on.OS, on.OSVersion, on.Variant
	}
	c.Created, c.Author, c.Comment, c.Config = &created, step.Author, "", step.Config
	c.RootFS = ocispec.RootFS{Type: "layers", DiffIDs: slices.Clone(c.RootFS.DiffIDs)}
	if diff != emptyLayer {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, diff)
	}
	c.History = append(historyOf(parent), ocispec.History{
		Created: &created, CreatedBy: step.CreatedBy, Author: step.Author, Comment: step.Comment,
		EmptyLayer: diff == emptyLayer,
	})
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("configuration of the image: %w: %w", err, errdefs.ErrInternal)
	}
	return Parse(raw)
}

// historyOf copies an image's history and pads it to one line per layer, since other tools count the lines.
func historyOf(img *Image) []ocispec.History {
	if img == nil {
		return nil
	}
	history := slices.Clone(img.Config.History)
	missing := len(img.Config.RootFS.DiffIDs)
	for _, h := range history {
		if !h.EmptyLayer {
			missing--
		}
	}
	return append(history, make([]ocispec.History, max(missing, 0))...)
}
