package image

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxConfig bounds an image's configuration, in bytes.
const maxConfig = 8 << 20

// maxLayers bounds an image's layers, so that a container's own two still fit the driver's stack, as in Docker.
const maxLayers = 125

// Config is the part of an image's configuration (OCI image spec, config.md) that box understands. The rest survives
// in Image.Raw, whose digest is the image's ID.
type Config struct {
	Architecture string                          `json:"architecture"`
	Variant      string                          `json:"variant,omitempty"`
	OS           string                          `json:"os"`
	OSVersion    string                          `json:"os.version,omitempty"`
	Created      *time.Time                      `json:"created,omitempty"`
	Author       string                          `json:"author,omitempty"`
	Comment      string                          `json:"comment,omitempty"`
	Config       dockerspec.DockerOCIImageConfig `json:"config"`
	RootFS       ocispec.RootFS                  `json:"rootfs"`
	History      []ocispec.History               `json:"history,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. A command may be a single string, as some builders write it.
func (c *Config) UnmarshalJSON(raw []byte) error {
	type fields Config
	var q struct {
		*fields
		Config struct {
			dockerspec.DockerOCIImageConfig
			Cmd, Entrypoint, Shell Command
		} `json:"config"`
	}
	q.fields = (*fields)(c)
	err := json.Unmarshal(raw, &q)
	c.Config = q.Config.DockerOCIImageConfig
	c.Config.Cmd, c.Config.Entrypoint, c.Config.Shell = q.Config.Cmd, q.Config.Entrypoint, q.Config.Shell
	return err
}

// Image is one image.
type Image struct {
	ID     digest.Digest // of Raw
	Raw    []byte        // the configuration, byte for byte
	Config Config
}

// Parse reads a configuration and checks it, since it may be hostile.
func Parse(raw []byte) (*Image, error) {
	if len(raw) > maxConfig {
		return nil, fmt.Errorf("configuration of %d bytes, at most %d are taken: %w", len(raw), maxConfig,
			errdefs.ErrOutOfRange)
	}
	img := &Image{ID: digest.FromBytes(raw), Raw: raw}
	if err := img.Config.read(raw); err != nil {
		return nil, fmt.Errorf("configuration of the image: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	if os := img.Config.OS; os != "" && os != "linux" {
		return nil, fmt.Errorf("image %s is for %s and cannot be used on linux: %w", short(img.ID), os,
			errdefs.ErrInvalidArgument)
	}
	return img, img.checkLayers()
}

// checkLayers checks what the configuration says about layers.
func (i *Image) checkLayers() error {
	ids := i.Config.RootFS.DiffIDs
	if len(ids) > maxLayers {
		return fmt.Errorf("image %s has %d layers, at most %d are taken: %w", short(i.ID), len(ids), maxLayers,
			errdefs.ErrOutOfRange)
	}
	if t := i.Config.RootFS.Type; t != "" && t != "layers" {
		return fmt.Errorf("root of image %s is of type %q: %w", short(i.ID), t, errdefs.ErrInvalidArgument)
	}
	for _, id := range ids {
		if err := id.Validate(); err != nil || id.Algorithm() != digest.SHA256 {
			return fmt.Errorf("layer %q of image %s: %w", id, short(i.ID), errdefs.ErrInvalidArgument)
		}
	}
	return nil
}

// ChainIDs identifies every layer together with all below it, the lowest first.
func (i *Image) ChainIDs() []digest.Digest { return chainIDs(i.Config.RootFS.DiffIDs) }

// chainIDs computes chain IDs from diff IDs (OCI image spec, config.md, "Layer ChainID").
func chainIDs(diffs []digest.Digest) (chain []digest.Digest) {
	for n, id := range diffs {
		if n > 0 {
			id = digest.FromString(chain[n-1].String() + " " + id.String())
		}
		chain = append(chain, id)
	}
	return chain
}

// ChainID identifies the top layer, "" for an image without layers.
func (i *Image) ChainID() digest.Digest {
	chain := i.ChainIDs()
	if len(chain) == 0 {
		return ""
	}
	return chain[len(chain)-1]
}

func (i *Image) created() time.Time {
	if i.Config.Created == nil {
		return time.Time{}
	}
	return *i.Config.Created
}

// mustJSON marshals values that cannot fail to marshal.
func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("JSON of %T: %v", v, err))
	}
	return raw
}
