package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
)

// Media types of Docker's own forms (distribution, "Image Manifest Version 2, Schema 2").
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
	dockerSchema1  = "application/vnd.docker.distribution.manifest.v1"
)

// layerTypes are the accepted media types of layers. The compression is detected from a layer's first bytes.
var layerTypes = map[string]bool{
	dockerLayer: true,
	"application/vnd.docker.image.rootfs.diff.tar":            true,
	"application/vnd.docker.image.rootfs.diff.tar.zstd":       true,
	"application/vnd.docker.image.rootfs.foreign.diff.tar":    true,
	ocispec.MediaTypeImageLayer:                               true,
	ocispec.MediaTypeImageLayerGzip:                           true,
	ocispec.MediaTypeImageLayerZstd:                           true,
	"application/vnd.oci.image.layer.nondistributable.v1.tar": true,
}

// manifest is a manifest or an index as the registry sent it.
type manifest struct {
	kind   string // media type
	raw    []byte // exact bytes
	digest digest.Digest

	Config    ocispec.Descriptor   `json:"config"`
	Layers    []ocispec.Descriptor `json:"layers"`
	Manifests []ocispec.Descriptor `json:"manifests"`
}

func isIndex(kind string) bool { return kind == dockerList || kind == ocispec.MediaTypeImageIndex }
func isManifest(kind string) bool {
	return kind == dockerManifest || kind == ocispec.MediaTypeImageManifest
}

// descriptor returns the descriptor that an index would have for it.
func (m *manifest) descriptor() ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: m.kind, Digest: m.digest, Size: int64(len(m.raw))}
}

// manifest fetches what a tag or a digest names, and verifies a digest.
func (r *repository) manifest(ctx context.Context, name string) (*manifest, error) {
	accept := []string{dockerManifest, dockerList, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex,
		dockerSchema1 + "+prettyjws"}
	res, err := r.do(ctx, call{method: http.MethodGet, url: r.url("manifests/" + name), scopes: r.pulling(),
		header: http.Header{"Accept": accept}})
	var f *failure
	if _, notDigest := digest.Parse(name); errors.As(err, &f) && f.code != "" && f.status == http.StatusNotFound &&
		notDigest != nil {
		return nil, &failure{"MANIFEST_UNKNOWN", "manifest unknown",
			f.status} // Docker asks by HEAD, whose reply has no text
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("manifest %s of %s: %w", name, r.ref.Name(), transport(err))
	}
	if len(raw) > maxManifest {
		return nil, fmt.Errorf("manifest %s of %s has more than %d bytes: %w", name, r.ref.Name(), maxManifest,
			errdefs.ErrOutOfRange)
	}
	m := &manifest{raw: raw, digest: digest.FromBytes(raw)}
	if want, err := digest.Parse(name); err == nil && want != m.digest {
		return nil, fmt.Errorf("manifest verification failed for digest %s: %w", want, errdefs.ErrDataLoss)
	}
	if err := m.parse(res); err != nil {
		return nil, err
	}
	if said := digest.Digest(res.Header.Get("Docker-Content-Digest")); said.Validate() == nil &&
		said.Algorithm() == digest.SHA256 && said != m.digest {
		return nil, fmt.Errorf("manifest %s of %s has the digest %s, its registry says %s: %w", name, r.ref.Name(), m.digest,
			said, errdefs.ErrDataLoss)
	}
	return m, nil
}

// parse reads a reply that has to be a manifest. Its Content-Type and its content have to agree.
func (m *manifest) parse(res *http.Response) error {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	known := isIndex(kind) || isManifest(kind) || strings.HasPrefix(kind, dockerSchema1)
	plain := kind == "" || strings.HasSuffix(kind, "json") || kind == "text/plain" || kind == "application/octet-stream"
	if !known && !plain || !json.Valid(m.raw) {
		return unexpected(res, m.raw)
	}
	if !known {
		kind = ""
	}
	return m.read(res.Request.URL.Path, kind)
}

// read decodes a manifest of the given kind, or of the kind that it names if kind is ""; what names it in errors.
func (m *manifest) read(what, kind string) error {
	var own struct {
		SchemaVersion int    `json:"schemaVersion"`
		MediaType     string `json:"mediaType"`
		Config        struct {
			MediaType string `json:"mediaType"`
		} `json:"config"`
	}
	if err := json.Unmarshal(m.raw, &own); err != nil {
		return fmt.Errorf("%s: %w: %w", what, err, errdefs.ErrInvalidArgument)
	}
	if kind == "" {
		kind = own.MediaType
	}
	if kind == "" && own.Config.MediaType == ocispec.MediaTypeImageConfig { // the field mediaType is optional
		kind = ocispec.MediaTypeImageManifest
	}
	m.kind = kind
	switch {
	case own.SchemaVersion == 1 || strings.HasPrefix(kind, dockerSchema1):
		return fmt.Errorf("%s is of Docker's manifest schema 1, which nobody should use any more: push the image anew: %w",
			what, errdefs.ErrNotImplemented)
	case own.SchemaVersion != 2 || !isIndex(kind) && !isManifest(kind):
		return fmt.Errorf("%s is no image: unsupported manifest media type %q: %w", what, oneLine(kind),
			errdefs.ErrNotImplemented)
	}
	if err := json.Unmarshal(m.raw, m); err != nil {
		return fmt.Errorf("%s: %w: %w", what, err, errdefs.ErrInvalidArgument)
	}
	if isManifest(kind) && len(m.Manifests) > 0 || isIndex(kind) && (len(m.Layers) > 0 || m.Config.Digest != "") {
		return fmt.Errorf("%s is both an image and an index: %w", what, errdefs.ErrInvalidArgument)
	}
	if isIndex(kind) {
		return nil
	}
	return m.check(what)
}

// check checks the parts that an image's manifest lists.
func (m *manifest) check(what string) error {
	switch m.Config.MediaType {
	case dockerConfig, ocispec.MediaTypeImageConfig, "application/octet-stream", "":
	default:
		return fmt.Errorf("%s is no image but holds %q: %w", what, oneLine(m.Config.MediaType), errdefs.ErrNotImplemented)
	}
	if len(m.Layers) > maxLayers {
		return fmt.Errorf("%s has %d layers, at most %d are taken: %w", what, len(m.Layers), maxLayers, errdefs.ErrOutOfRange)
	}
	for _, d := range m.Layers {
		if !layerTypes[strings.TrimSuffix(strings.TrimSuffix(d.MediaType, ".gzip"), "+gzip")] && !layerTypes[d.MediaType] &&
			d.MediaType != "" {
			return fmt.Errorf("%s has a layer of the kind %q: %w", what, oneLine(d.MediaType), errdefs.ErrNotImplemented)
		}
	}
	for _, d := range append([]ocispec.Descriptor{m.Config}, m.Layers...) {
		if err := checkDigest(d.Digest); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if d.Size < 0 || d.Size > maxBlob {
			return fmt.Errorf("%s has a part of %d bytes: %w", what, d.Size, errdefs.ErrOutOfRange)
		}
	}
	if m.Config.Size > maxConfig {
		return fmt.Errorf("%s has a configuration of %d bytes, at most %d are taken: %w", what, m.Config.Size, maxConfig,
			errdefs.ErrOutOfRange)
	}
	return nil
}

func checkDigest(d digest.Digest) error {
	if err := d.Validate(); err != nil || d.Algorithm() != digest.SHA256 {
		return fmt.Errorf("digest %q: %w", oneLine(string(d)), errdefs.ErrInvalidArgument)
	}
	return nil
}

// forPlatform finds the manifest that suits a platform best, descending into nested indexes.
func (r *repository) forPlatform(ctx context.Context, m *manifest, want ocispec.Platform, depth int) (*manifest,
	error) {
	if !isIndex(m.kind) {
		return m, nil
	}
	if depth == 0 {
		return nil, fmt.Errorf("index %s of %s is nested too deep: %w", m.digest, r.ref.Name(), errdefs.ErrInvalidArgument)
	}
	var best *ocispec.Descriptor
	most := 0
	for n := range m.Manifests {
		d := &m.Manifests[n]
		fit := 0
		switch {
		case d.Platform != nil:
			fit = image.Suits(want, *d.Platform)
		case isIndex(d.MediaType), len(m.Manifests) == 1:
			fit = 1 // unknown: its content will tell
		}
		if fit > most {
			best, most = d, fit
		}
	}
	if best == nil {
		return nil, &told{fmt.Sprintf("no matching manifest for %s in the manifest list entries", image.PlatformString(want)),
			errdefs.ErrNotFound}
	}
	if err := checkDigest(best.Digest); err != nil {
		return nil, fmt.Errorf("index %s of %s: %w", m.digest, r.ref.Name(), err)
	}
	inner, err := r.manifest(ctx, best.Digest.String())
	if err != nil {
		return nil, err
	}
	return r.forPlatform(ctx, inner, want, depth-1)
}
