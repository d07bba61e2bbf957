package engine

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	apiimage "github.com/moby/moby/api/types/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/image"
)

// ImageInspect is everything about an image, with what only older versions of the API tell.
type ImageInspect struct {
	apiimage.InspectResponse
	Parent string // the image that it was made of here
	Old    struct {
		DockerVersion   string          `json:"docker_version"`
		Container       string          `json:"container"`
		ContainerConfig json.RawMessage `json:"container_config"`
	}
}

// InspectImage tells everything about an image; platform, where given, is the one it has to be for.
func (e *Engine) InspectImage(ctx context.Context, ref string, platform *ocispec.Platform) (*ImageInspect, error) {
	l, err := e.imageOf(ref, platform)
	if err != nil {
		return nil, err
	}
	c := l.Config
	tags, digests := splitNames(l.Names)
	r := &ImageInspect{InspectResponse: apiimage.InspectResponse{
		ID: l.ID.String(), RepoTags: tags, RepoDigests: digests, Comment: c.Comment, Author: c.Author,
		Architecture: c.Architecture, Variant: c.Variant, Os: c.OS, OsVersion: c.OSVersion, Size: l.Size,
		Config: &c.Config, RootFS: apiimage.RootFS{Type: "layers"}, GraphDriver: e.graphDriver(ctx, l.ChainID().String()),
		Metadata: apiimage.Metadata{LastTagTime: l.Tagged},
	}}
	r.Parent = e.images.Parent(l.ID).String()
	if n := len(c.History); r.Comment == "" && n > 0 {
		r.Comment = c.History[n-1].Comment
	}
	if err := json.Unmarshal(l.Raw, &r.Old); err != nil {
		e.log.Debug("old fields of an image", "image", l.ID, "error", err) // of no use to anybody then
	}
	if c.Created != nil {
		r.Created = c.Created.Format(time.RFC3339Nano)
	}
	for _, d := range c.RootFS.DiffIDs {
		r.RootFS.Layers = append(r.RootFS.Layers, d.String())
	}
	return r, nil
}

// imageOf finds an image that is for a platform.
func (e *Engine) imageOf(ref string, platform *ocispec.Platform) (image.Listed, error) {
	l, err := e.images.Find(ref)
	if err == nil {
		err = l.CheckPlatform(l.ID.String(), platform)
	}
	return l, err
}

// ImageHistory tells how an image came about, the last step first.
func (e *Engine) ImageHistory(ctx context.Context, ref string, platform *ocispec.Platform) ([]apiimage.HistoryResponseItem, error) {
	l, err := e.imageOf(ref, platform)
	if err != nil {
		return nil, err
	}
	out := []apiimage.HistoryResponseItem{}
	chain := l.ChainIDs()
	for _, h := range l.Config.History {
		item := apiimage.HistoryResponseItem{ID: "<missing>", CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			item.Created = max(h.Created.Unix(), 0)
		}
		if !h.EmptyLayer && len(chain) > 0 {
			info, err := e.layers.Stat(ctx, chain[0].String())
			if err != nil {
				return nil, err
			}
			item.Size, chain = max(info.Size, 0), chain[1:]
		}
		out = append(out, item)
	}
	slices.Reverse(out)
	// The images that this one was made of here stand beside their own last step.
	for i, id := 0, l.ID; i < len(out) && id != ""; i, id = i+1, e.images.Parent(id) {
		made, err := e.images.Find(id.String())
		if err != nil {
			break // it is gone
		}
		out[i].ID = id.String()
		out[i].Tags, _ = splitNames(made.Names)
	}
	return out, nil
}
