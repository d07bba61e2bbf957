package engine

import (
	"context"

	"github.com/moby/moby/api/types/events"
	apiregistry "github.com/moby/moby/api/types/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"box/engine/progress"
	"box/engine/reference"
	"box/engine/refuse"
	"box/engine/registry"
)

// Pushing is what is to be sent to a registry.
type Pushing struct {
	Name     string
	Tag      string            // "" for all tags of the repository
	Platform *ocispec.Platform // the image has to be for, nil for any
	Auth     apiregistry.AuthConfig
}

// Push sends images to their registry.
func (e *Engine) Push(ctx context.Context, q Pushing, out func(progress.Line) error) error {
	defer e.trim()
	named, err := parseReference(q.Name, q.Tag)
	if err != nil {
		return err
	}
	if named.Digest != "" {
		return refuse.Invalid("cannot push a digest reference")
	}
	if err := out(progress.Said("The push refers to repository [%s]", named.Name())); err != nil {
		return err
	}
	tags, ids := e.images.Tags(named)
	if len(tags) == 0 {
		return refuse.NotFound("An image does not exist locally with the tag: %s", named.FamiliarName())
	}
	found := false
	for n, t := range tags {
		if named.Tag != "" && t.Tag != named.Tag {
			continue
		}
		found = true
		if err := e.pushOne(ctx, t, ids[n], q, out); err != nil {
			return err
		}
	}
	if !found {
		return refuse.NotFound("tag does not exist: %s", named.Familiar())
	}
	return nil
}

func (e *Engine) pushOne(ctx context.Context, ref reference.Named, id digest.Digest, q Pushing, out func(progress.Line) error) error {
	l, err := e.imageOf(id.String(), q.Platform)
	if err != nil {
		return err
	}
	err = e.registry.Load().Push(ctx, e.images, ref, id, q.Auth, func(line registry.Line) error { return out(lineOf(line)) })
	if err == nil {
		e.publishMoved(ctx, events.ActionPush, ref, l.Config.Config.Labels)
	}
	return err
}
