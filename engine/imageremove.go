package engine

import (
	"context"

	"github.com/moby/moby/api/types/events"
	apiimage "github.com/moby/moby/api/types/image"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/ident"
	"box/engine/lifecycle"
)

// TagImage gives an image one more name.
func (e *Engine) TagImage(ctx context.Context, ref, repository, tag string) error {
	img, name, err := e.images.Tag(ref, repository, tag)
	if err != nil {
		return err
	}
	e.publishImage(ctx, events.ActionTag, img.ID, name, img.Config.Config.Labels)
	return nil
}

// RemoveImage takes a name away, and the image when it was the last; platform, where given, is the one it has to be
// for.
func (e *Engine) RemoveImage(ctx context.Context, ref string, force bool,
	platform *ocispec.Platform) ([]apiimage.DeleteResponse, error) {
	if platform != nil {
		if _, err := e.imageOf(ref, platform); err != nil {
			return nil, err
		}
	}
	r, err := e.images.Remove(ctx, ref, force, e.userOf)
	if err != nil && r.Deleted == nil && r.Untagged == nil {
		return nil, err
	}
	out := []apiimage.DeleteResponse{}
	for _, n := range r.Untagged {
		out = append(out, apiimage.DeleteResponse{Untagged: n})
		e.publishImage(ctx, events.ActionUnTag, r.ID, r.ID.String(), r.Labels)
	}
	for i, d := range r.Deleted {
		out = append(out, apiimage.DeleteResponse{Deleted: d})
		if i == 0 {
			e.publishImage(ctx, events.ActionDelete, r.ID, r.ID.String(), r.Labels)
		}
	}
	return out, err
}

// releaseLayers deletes the layers that a removed container was the last to stand on, its image being gone already.
func (e *Engine) releaseLayers(ctx context.Context, rec *lifecycle.Record) error {
	_, err := e.images.Lookup(rec.Image)
	if rec.Layer == "" || err == nil {
		return nil
	}
	return e.images.Release(ctx, digest.Digest(rec.Layer))
}

// userOf is a container that uses an image, one that runs before others.
func (e *Engine) userOf(id string) (name string, running bool) {
	for _, c := range e.all() {
		rec := c.Record()
		if !rec.Uses(id) {
			continue
		}
		name = ident.Short(rec.ID)
		if st, _ := c.Now(); st.Running() {
			return name, true
		}
	}
	return name, false
}

// publishImage tells listeners of a change to an image; the image's labels are among the attributes.
func (e *Engine) publishImage(ctx context.Context, action events.Action, id digest.Digest, name string,
	labels map[string]string) {
	attributes := map[string]string{}
	for k, v := range labels {
		attributes[k] = v
	}
	attributes["name"] = name
	e.bus.Publish(ctx, events.ImageEventType, action, id.String(), attributes)
}
