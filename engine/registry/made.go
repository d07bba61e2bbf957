package registry

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// part is a descriptor with Docker's order of fields, since a manifest's digest depends on its bytes.
type part struct {
	MediaType string        `json:"mediaType"`
	Size      int64         `json:"size"`
	Digest    digest.Digest `json:"digest"`
}

// made builds a new manifest for an image whose parts are in the repository: Docker's schema 2, or OCI if a layer is
// of a kind that Docker's schema lacks.
func (u *upload) made() (*manifest, error) {
	var m struct {
		SchemaVersion int    `json:"schemaVersion"`
		MediaType     string `json:"mediaType"`
		Config        part   `json:"config"`
		Layers        []part `json:"layers"`
	}
	m.SchemaVersion, m.MediaType = 2, dockerManifest
	m.Config = part{dockerConfig, int64(len(u.img.Raw)), u.img.ID}
	m.Layers = []part{}
	for _, b := range u.blobs {
		m.Layers = append(m.Layers, part{b.MediaType, b.Size, b.Digest})
		if b.MediaType != dockerLayer && b.MediaType != ocispec.MediaTypeImageLayerGzip {
			m.MediaType = ocispec.MediaTypeImageManifest
		}
	}
	for n := range m.Layers {
		l := &m.Layers[n]
		switch {
		case m.MediaType == dockerManifest:
			l.MediaType = dockerLayer
		case l.MediaType == dockerLayer:
			l.MediaType = ocispec.MediaTypeImageLayerGzip
		}
	}
	if m.MediaType != dockerManifest {
		m.Config.MediaType = ocispec.MediaTypeImageConfig
	}
	raw, err := json.MarshalIndent(m, "", "   ")
	if err != nil {
		return nil, fmt.Errorf("manifest of image %s: %w", u.img.ID, err)
	}
	return &manifest{kind: m.MediaType, raw: raw, digest: digest.FromBytes(raw)}, nil
}
