package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/reference"
)

// entry is one image in manifest.json.
type entry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Limits on an archive's own description: a few bytes can name the same thing again and again.
const (
	maxDepth  = 4       // indexes inside one another
	maxImages = 1 << 12 // images of one archive, and entries of all its indexes, counted each time one is named
	maxNames  = 1 << 14 // of all images of one archive
)

// manifest reads the archive's description of itself: manifest.json, or the OCI index if there is none. Of an image
// for several platforms it returns the one for want.
func (a *archived) manifest(want ocispec.Platform) ([]entry, error) {
	var list []entry
	if raw, ok := a.small[a.follow("manifest.json")]; ok {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("manifest.json in the archive: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		if err := checkCount(list); err != nil || len(list) > 0 {
			return list, err
		}
	}
	raw, ok := a.small[a.follow("index.json")]
	if !ok && list == nil {
		return nil, a.notImages(errors.New("archive holds neither manifest.json nor index.json"))
	}
	if !ok {
		return nil, nil
	}
	i := layout{a: a, files: map[digest.Digest]*layoutFile{}}
	top, err := readLayoutFile(raw)
	if err == nil {
		err = i.walk(top, candidate{in: "index.json"}, maxDepth)
	}
	if err != nil {
		return nil, fmt.Errorf("index.json in the archive: %w", err)
	}
	return i.choose(want)
}

// checkCount bounds the work that manifest.json can cause.
func checkCount(list []entry) error {
	names := 0
	for _, e := range list {
		names += len(e.RepoTags)
	}
	switch {
	case len(list) > maxImages:
		return fmt.Errorf("manifest.json in the archive tells of %d images, at most %d are taken: %w", len(list), maxImages,
			errdefs.ErrOutOfRange)
	case names > maxNames:
		return fmt.Errorf("manifest.json in the archive has %d names, at most %d are taken: %w", names, maxNames,
			errdefs.ErrOutOfRange)
	}
	return nil
}

// layoutFile holds the fields needed from an index or a manifest (image-spec, image-index.md and manifest.md). Other
// fields may have any type.
type layoutFile struct {
	Manifests []descriptor `json:"manifests"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
}

type descriptor struct {
	MediaType   string          `json:"mediaType"`
	Digest      digest.Digest   `json:"digest"`
	Platform    json.RawMessage `json:"platform"`
	Annotations json.RawMessage `json:"annotations"`
}

func readLayoutFile(raw []byte) (*layoutFile, error) {
	f := &layoutFile{}
	if err := json.Unmarshal(raw, f); err != nil {
		return nil, fmt.Errorf("%w: %w", err, errdefs.ErrInvalidArgument)
	}
	return f, nil
}

// platform returns the platform that a descriptor names, nil if it names none.
func (d descriptor) platform() *ocispec.Platform {
	var p struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
	}
	if json.Unmarshal(d.Platform, &p) != nil || p.OS == "" {
		return nil
	}
	return &ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant}
}

// annotation returns the annotation key, "" unless it is text.
func (d descriptor) annotation(key string) string {
	var all map[string]any
	if len(d.Annotations) == 0 || json.Unmarshal(d.Annotations, &all) != nil {
		return ""
	}
	text, _ := all[key].(string)
	return text
}

// name returns the full name that a descriptor gives its image, "" if it gives none. containerd and BuildKit write
// the name and the tag separately; Skopeo, Buildah and Podman write the name in place of the tag.
func (d descriptor) name() string {
	for _, key := range []string{"io.containerd.image.name", ocispec.AnnotationRefName} {
		text := d.annotation(key)
		if key == ocispec.AnnotationRefName && isTag(text) {
			continue
		}
		named, err := reference.Parse(text)
		if err != nil || named.Digest != "" && named.Tag == "" {
			continue
		}
		named.Digest = ""
		return named.OrLatest().String()
	}
	return ""
}

// isTag distinguishes a tag without its repository ("latest" or a version) from a short image name.
func isTag(text string) bool {
	if strings.ContainsAny(text, "/:@") {
		return false
	}
	version := strings.TrimPrefix(text, "v")
	return text == "latest" || version != "" && version[0] >= '0' && version[0] <= '9'
}

// isAbout reports whether a descriptor is for data about an image, such as signatures, SBOMs and provenance.
func (d descriptor) isAbout() bool {
	p := d.platform()
	return d.annotation("vnd.docker.reference.type") != "" || p != nil && p.OS == "unknown"
}
