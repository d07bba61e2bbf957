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

// TagImage adds a name to an image.
func (e *Engine) TagImage(ctx context.Context, ref, repository, tag string) error {
	img, name, err := e.images.Tag(ref, repository, tag)
	if err != nil {
		return err
	}
	e.publishImage(ctx, events.ActionTag, img.ID, name, img.Config.Config.Labels)
	return nil
}

// RemoveImage removes a name, and the image with its last name. If platform is not nil, the image must be for it.
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
			e.publishImage(ctx, events.ActionDelete, r.ID, r.ID.String(), nil) // its labels are gone with it
		}
	}
	return out, err
}

// releaseLayers deletes the layers that only a removed container still used.
func (e *Engine) releaseLayers(ctx context.Context, rec *lifecycle.Record) error {
	_, err := e.images.Lookup(rec.Image)
	if rec.Layer == "" || err == nil {
		return nil
	}
	return e.images.Release(ctx, digest.Digest(rec.Layer))
}

// userOf returns a container that uses an image, preferably a running one.
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

// publishImage publishes an event of an image, with the image's labels.
func (e *Engine) publishImage(ctx context.Context, action events.Action, id digest.Digest, name string,
	labels map[string]string) {
	attributes := map[string]string{}
	for k, v := range labels {
		attributes[k] = v
	}
	attributes["name"] = name
	e.bus.Publish(ctx, events.ImageEventType, action, id.String(), attributes)
}
